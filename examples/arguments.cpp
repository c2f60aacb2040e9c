#include "arguments.hpp"

#include <CLI/CLI.hpp>

namespace examples {

command_line::command_line(const char* description)
    : app_(std::make_unique<CLI::App>(description)) {
  app_->option_defaults()->always_capture_default();
}

command_line::~command_line() = default;

void command_line::number(const char* name, double& value, const char* what) {
  app_->add_option(name, value, what)->check(CLI::NonNegativeNumber);
}

void command_line::flag(const char* name, bool& value, const char* what) {
  app_->add_flag(name, value, what);
}

void command_line::text(const char* name, std::string& value, const char* what) {
  app_->add_option(name, value, what);
}

void command_line::folder(const char* name, std::string& value, const char* what) {
  app_->add_option(name, value, what)->check(CLI::ExistingDirectory);
}

void command_line::paths(const char* name, std::vector<std::string>& value, const char* what) {
  app_->add_option(name, value, what)->check(CLI::ExistingPath)->default_str("");
}

void command_line::texts(const char* name, std::vector<std::string>& value, const char* what) {
  app_->add_option(name, value, what)->required()->default_str("");
}

void command_line::add_number(const char* name, const char* what, const std::string& shown,
                              std::pair<std::uint64_t, std::uint64_t> range,
                              std::function<void(std::uint64_t)> set) {
  const auto [least, most] = range;
  CLI::Option* option = app_->add_option_function<std::uint64_t>(name, std::move(set), what);
  option->check(CLI::Range(least, most))->default_str(shown);
  // The limits of a type are of no interest.
  if (least == 0 && most >= std::numeric_limits<std::uint16_t>::max()) option->type_name("N");
}

void command_line::add_choice(const char* name, const char* what, std::vector<std::string> names,
                              std::function<void(const std::string&)> set) {
  app_->add_option_function<std::string>(name, std::move(set), what)
      ->check(CLI::IsMember(std::move(names)));
}

std::optional<int> command_line::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& why) {
    return app_->exit(why) == 0 ? success : wrong_use;
  }
}

}  // namespace examples
