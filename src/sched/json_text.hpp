// Pieces of the reports' JSON lines, appended to a string. Bytes that are not ASCII are passed on
// as they are.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gmp::detail {

// Each puts the comma before itself, unless it comes first in its object.
void append_json_key(std::string& to, std::string_view key);
void append_json_field(std::string& to, std::string_view key, std::string_view value);

void append_json_facts(std::string& to,
                       const std::vector<std::pair<std::string, std::string>>& facts);
void append_json_stack(std::string& to, const std::vector<std::string>& stack);

}  // namespace gmp::detail
