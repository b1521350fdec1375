#pragma once

namespace cli {

/// Blots out, in place, the passwords of all URLs in a text, since every user of the machine can list the arguments. In
/// a malformed URL it blots out too much rather than too little.
void blot_out_passwords(char* text, char* text_end);

}  // namespace cli
