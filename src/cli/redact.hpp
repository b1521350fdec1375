#pragma once

namespace cli {

/// Blots out, in place, the passwords of all URLs in a text: every user of the machine can list the arguments. Of a
/// malformed URL rather too much than too little.
void blot_out_passwords(char* text, char* text_end);

}  // namespace cli
