#include "about.hpp"
#include "program.hpp"
#include "receive.hpp"

int main(int argc, char** argv) {
    return cli::run(receiving::about(), argc, argv, receiving::Options(), receiving::receive);
}
