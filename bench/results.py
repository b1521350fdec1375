"""What is made of a file of results that scripts/bench matrix has written.

    results.py tables RESULTS.json
    results.py plot RESULTS.json PICTURE.svg
"""
import json
import sys
from pathlib import Path

from matrix import matrix_tables, notes
from plot import picture
from tables import print_table


def print_tables(results: dict) -> None:
    for name, rows in matrix_tables(results).items():
        print(f'### {name}', '', sep='\n')
        print_table(rows, markdown=True)
        print()
    print(notes(results))


def main(what: str, source: str, target: str = '') -> None:
    try:
        results = json.loads(Path(source).read_text())
        if what == 'plot':
            Path(target).write_text(picture(results))
        else:
            print_tables(results)
    except OSError as error:
        sys.exit(f'bench: {error}')
    except (ValueError, LookupError, TypeError) as error:
        sys.exit(f'bench: {source} holds no results: {error!r}')


if __name__ == '__main__':
    main(*sys.argv[1:])
