#include "about.hpp"
#include "program.hpp"
#include "send.hpp"

int main(int argc, char** argv) {
    return cli::run(sending::about(), argc, argv, sending::Options(), sending::send);
}
