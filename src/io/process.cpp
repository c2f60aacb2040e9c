// Children: started without a P, waited for on the poller.
#include "io/process.hpp"

#include <new>
#include <stop_token>

#include "gmp/detail/blocking.hpp"
#include "io/socket.hpp"

namespace gmp::detail {

void spawn_home(void* request) { spawn_at_home(request); }
void look_home(void* request) { look_at_home(request); }
void signal_child_home(void* request) { signal_child_at_home(request); }
void duplicate_home(void* request) { duplicate_at_home(request); }
void memory_home(void* request) { memory_at_home(request); }

namespace {

long send_signal(descriptor* d, int signal) noexcept {
  signal_request request{-1, signal};
  return on_descriptor(d, &signal_child_home, request);
}

// A descriptor that nobody else has; closed at the end.
struct own_descriptor {
  descriptor* d;
  ~own_descriptor() {
    if (d != nullptr) close_and_drop(d);
  }
};

// Gives up when the context is cancelled.
struct cancel_wait {
  descriptor* d;
  void operator()() const noexcept { io_set_deadline(*d, direction::reading, 0); }
};

bool has_zero(const std::string& text) noexcept { return text.find('\0') != std::string::npos; }

// Pointers to the texts, and null at the end; false: one of them has a zero byte.
bool list_texts(const std::vector<std::string>& texts, std::vector<char*>& out) {
  for (const std::string& text : texts) {
    if (has_zero(text)) return false;
    out.push_back(const_cast<char*>(text.c_str()));
  }
  out.push_back(nullptr);
  return true;
}

// 0, or a negative errno; parks. `d` is the child's pidfd.
long wait_on(descriptor* d, process_state& child) {
  return io_receive(
      d, wait_reason::process,
      [&child](int fd) {
        look_request request{fd, &child.ended, false};
        call_on_home(&look_home, &request);
        return request.result;
      },
      [](long) { return false; });  // whoever asks again gets the same
}

long wait_until(process_state& child, nanos when) {
  duplicate_request copy{-1};
  if (const long error = on_descriptor(child.d, &duplicate_home, copy); error != 0) return error;
  const own_descriptor mine{copy.d};
  io_set_deadline(*copy.d, direction::reading, when);
  const long result = wait_on(copy.d, child);
  if (result != -ETIMEDOUT) return result;
  look_request last{-1, &child.ended, false};  // a time that has passed still asks
  const io_stay stay(copy.d);
  last.fd = copy.d->fd();
  call_on_home(&look_home, &last);
  return last.result == -EAGAIN ? -ETIMEDOUT : last.result;
}

exit_status status_of(const process_state& child) noexcept {
  // acquire: pairs with the release of who stored it. [PR1]
  return unpack(child.ended.load(memory_order_acquire));
}

// Starts it; null: request.error says why.
process_state* start(const std::string& program, const std::vector<std::string>& arguments,
                     const process_options& how, spawn_request& request) {
  std::vector<char*> argument_list{const_cast<char*>(program.c_str())};
  std::vector<char*> environment_list;
  request.program = program.c_str();
  request.directory = how.directory.empty() ? nullptr : how.directory.c_str();
  if (has_zero(program) || has_zero(how.directory) || !list_texts(arguments, argument_list) ||
      (how.environment && !list_texts(*how.environment, environment_list))) {
    request.error = -EINVAL;
    return nullptr;
  }
  request.arguments = argument_list.data();
  request.environment = how.environment ? environment_list.data() : nullptr;
  std::unique_ptr<process_state> made(new process_state{nullptr, 0});
  {
    const blocking_stretch away;  // returns when the child has become the program
    call_on_home(&spawn_home, &request);
  }
  if (request.error != 0) return nullptr;
  made->d = request.d;
  made->pid = request.pid;
  return made.release();
}

}  // namespace

void kill_child::operator()() const noexcept { send_signal(d, SIGKILL); }

}  // namespace gmp::detail

namespace gmp {

using namespace detail;

process::process(process_state* state, const spawn_request& made) noexcept
    : state_(state), in_(made.ends[0]), out_(made.ends[1]), err_(made.ends[2]) {}

process::process(process&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)),
      in_(std::move(other.in_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

process& process::operator=(process&& other) noexcept {
  if (this != &other) {
    reset();
    state_ = std::exchange(other.state_, nullptr);
    in_ = std::move(other.in_);
    out_ = std::move(other.out_);
    err_ = std::move(other.err_);
  }
  return *this;
}

process::~process() { reset(); }

void process::reset() noexcept {
  if (state_ == nullptr) return;
  state_->on_cancel.reset();
  if (state_->ended.load(memory_order_acquire) == 0 && state_->d->enter()) {
    send_signal(state_->d, SIGKILL);
    look_request request{state_->d->fd(), &state_->ended, true};
    const blocking_stretch away;  // no park: the runtime may be stopping
    call_on_home(&look_home, &request);
    static_cast<void>(state_->d->leave());
  }
  detach();
}

void process::detach() noexcept {
  if (state_ == nullptr) return;
  state_->on_cancel.reset();
  close_and_drop(state_->d);
  delete std::exchange(state_, nullptr);
  in_ = {};
  out_ = {};
  err_ = {};
}

process process::spawn(const std::string& program, const std::vector<std::string>& arguments,
                       const process_options& how, std::error_code& error) {
  spawn_request request{nullptr, nullptr, nullptr, nullptr, {how.in, how.out, how.err}};
  process_state* state = start(program, arguments, how, request);
  told(request.error, error);
  return state != nullptr ? process(state, request) : process();
}

process process::spawn(const std::string& program, const std::vector<std::string>& arguments,
                       const process_options& how) {
  std::error_code error;
  process made = spawn(program, arguments, how, error);
  if (error) throw std::system_error(error, "gmp::process::spawn \"" + program + "\"");
  return made;
}

process process::spawn(const std::string& program, const std::vector<std::string>& arguments,
                       const process_options& how, const context& until, std::error_code& error) {
  if (error = until.err(); error) return {};
  const std::stop_token token = until.token();
  process made = spawn(program, arguments, how, error);
  if (made) made.state_->on_cancel.emplace(token, kill_child{made.state_->d});
  return made;
}

process process::spawn(const std::string& program, const std::vector<std::string>& arguments,
                       const process_options& how, const context& until) {
  std::error_code error;
  process made = spawn(program, arguments, how, until, error);
  if (error) throw std::system_error(error, "gmp::process::spawn \"" + program + "\"");
  return made;
}

int process::pid() const noexcept { return state_ != nullptr ? state_->pid : 0; }

exit_status process::wait(std::error_code& error) {
  if (state_ == nullptr) {
    told(-ECHILD, error);
    return {};
  }
  const long result = wait_on(state_->d, *state_);
  told(result, error);
  return result == 0 ? status_of(*state_) : exit_status{};
}

exit_status process::wait() {
  std::error_code error;
  const exit_status status = wait(error);
  throw_if(error, "gmp::process::wait");
  return status;
}

exit_status process::wait(const context& until, std::error_code& error) {
  if (error = until.err(); error) return {};
  duplicate_request copy{-1};
  long result = state_ != nullptr ? on_descriptor(state_->d, &duplicate_home, copy) : -ECHILD;
  if (result == 0) {
    const own_descriptor mine{copy.d};
    // Ends before the descriptor may be somebody else's.
    const std::stop_callback cancel(until.token(), cancel_wait{copy.d});
    result = wait_on(copy.d, *state_);
  }
  told(result, error);
  if (result == -ETIMEDOUT) error = until.err();
  return result == 0 ? status_of(*state_) : exit_status{};
}

exit_status process::wait(const context& until) {
  std::error_code error;
  const exit_status status = wait(until, error);
  throw_if(error, "gmp::process::wait");
  return status;
}

std::optional<exit_status> process::wait_deadline(nanoseconds_count when) {
  const long result = state_ != nullptr ? detail::wait_until(*state_, when) : -ECHILD;
  if (result == -ETIMEDOUT) return std::nullopt;
  or_throw(result, "gmp::process::wait_until");
  return status_of(*state_);
}

void process::kill(int signal, std::error_code& error) noexcept {
  told(state_ != nullptr ? send_signal(state_->d, signal) : -ESRCH, error);
}

void process::kill(int signal) {
  std::error_code error;
  kill(signal, error);
  throw_if(error, "gmp::process::kill");
}

namespace {

fs::file memory_file(std::string_view text, std::error_code& error) {
  memory_request request{text.data(), text.size()};
  call_on_home(&memory_home, &request);
  told(request.error, error);
  if (error) return {};
  return fs::file::adopt(request.fd, error);
}

std::string all_of(fs::file& from, std::error_code& error) {
  std::string text(from.stat(error).size, '\0');
  if (!error) text.resize(from.read_at(0, text.data(), text.size(), error));
  return text;
}

}  // namespace

captured_output capture(const std::string& program, const std::vector<std::string>& arguments,
                        const process_options& how, std::string_view input, const context& until,
                        std::error_code& error) {
  process_options mine = how;
  captured_output kept;
  fs::file in;
  if (!input.empty()) {
    in = memory_file(input, error);
    if (error) return kept;
    mine.in = stdio::file(in);
  }
  fs::file out = memory_file({}, error);
  if (error) return kept;
  mine.out = stdio::file(out);
  fs::file err;
  if (how.err.what() != stdio::kind::as_out) {
    err = memory_file({}, error);
    if (error) return kept;
    mine.err = stdio::file(err);
  }
  process child = process::spawn(program, arguments, mine, until, error);
  if (error) return kept;
  kept.status = child.wait(error);
  if (!error) kept.out = all_of(out, error);
  if (!error && err.is_open()) kept.err = all_of(err, error);
  if (!error && kept.status.signal == SIGKILL) error = until.err();
  return kept;
}

captured_output capture(const std::string& program, const std::vector<std::string>& arguments,
                        const process_options& how, std::string_view input, const context& until) {
  std::error_code error;
  captured_output kept = capture(program, arguments, how, input, until, error);
  if (error) throw std::system_error(error, "gmp::capture \"" + program + "\"");
  return kept;
}

}  // namespace gmp
