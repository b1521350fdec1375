#include "exit_code.hpp"

namespace cli {
namespace {

constexpr ExitCodeMeaning meanings[] = {
    {ExitCode::done, "done as asked (Ctrl-C or SIGTERM on a plain watch included)"},
    {ExitCode::failed, "another failure: the broker refused or closed something, COMMAND failed"},
    {ExitCode::nothing_came, "receive --count, send --request: nothing came before the end"},
    {ExitCode::too_few_came, "receive --count, send --request: some came, fewer than asked"},
    {ExitCode::rejected, "a message was returned or nacked, or could not be moved"},
    {ExitCode::usage, "wrong usage"},
    {ExitCode::bad_input, "malformed input"},
    {ExitCode::no_input, "an input file cannot be read"},
    {ExitCode::unreachable, "the broker cannot be reached, or was lost"},
    {ExitCode::bad_output, "the output cannot be written"},
    {ExitCode::refused, "refused: credentials, permission, virtual host, certificate"},
    {ExitCode::timeout, "confirms did not come in time; receive --drain: time was up first"},
    {ExitCode::interrupted, "interrupted before what was asked for was done"},
    {ExitCode::reader_gone, "the reader of standard output has gone"},
    {ExitCode::terminated, "terminated before what was asked for was done"},
};

}  // namespace

std::span<const ExitCodeMeaning> exit_codes() noexcept {
    return meanings;
}

}  // namespace cli
