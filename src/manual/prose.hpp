#pragma once

#include <string>
#include <vector>

namespace manual {

/// A variable or a file, and what it is for.
struct Entry {
    std::string name;
    std::string text;
};

/// What a manual page says and --help does not. Between backticks stands what is typed, as in Markdown.
struct Prose {
    std::vector<std::string> description;  ///< paragraphs
    std::vector<Entry> environment;
    std::vector<Entry> files;
};

Prose prose_of_send();
Prose prose_of_receive();

}  // namespace manual
