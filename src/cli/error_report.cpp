#include "error_report.hpp"

#include "failure.hpp"
#include "redact.hpp"
#include "repr.hpp"
#include "say.hpp"
#include "signals.hpp"

#include <string_view>

namespace cli {

ExitCode exit_code_of(const rabbit::Error& error) {
    switch (error.kind()) {
        case rabbit::ErrorKind::invalid: return ExitCode::usage;
        case rabbit::ErrorKind::unreachable:
        case rabbit::ErrorKind::lost: return ExitCode::unreachable;
        case rabbit::ErrorKind::refused: return ExitCode::refused;
        case rabbit::ErrorKind::timeout: return ExitCode::timeout;
        case rabbit::ErrorKind::interrupted: return exit_code_of_signal();
        case rabbit::ErrorKind::closed: break;
    }
    return ExitCode::failed;
}

namespace {

std::string text_of(const rabbit::Error& error) {
    if (error.kind() == rabbit::ErrorKind::interrupted) {
        return error.cause();
    }
    const auto has = [&error](std::string_view text) { return error.cause().find(text) != std::string::npos; };
    const char* advice = has("comes from an authority that is not") ? "; --tls-ca takes the file of its authority"
                         : has("no exchange '")                     ? "; --exchange-type declares it"
                                                                    : "";
    return std::string(error.what()) + advice;
}

ExitCode report(const std::string& program, ExitCode code, std::string_view text) {
    auto shown = printable(text);
    blot_out_passwords(shown.data(), shown.data() + shown.size());
    say("{}: {}\n", program, shown);
    return code;
}

}  // namespace

ExitCode report_error(const std::string& program, const std::exception& error) {
    if (const auto* broker = dynamic_cast<const rabbit::Error*>(&error)) {
        return report(program, exit_code_of(*broker), text_of(*broker));
    }
    if (const auto* failure = dynamic_cast<const Failure*>(&error)) {
        const bool silent = failure->code() == ExitCode::reader_gone;
        return silent ? failure->code() : report(program, failure->code(), failure->what());
    }
    return report(program, ExitCode::failed, error.what());
}

}  // namespace cli
