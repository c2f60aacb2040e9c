// Other programs: started, waited for through the poller, killed with a context. Go: os/exec.
//
// No handler for SIGCHLD is installed and nobody else's children are touched: each child has a
// descriptor of its own (pidfd, Linux 5.4). The process must not ignore SIGCHLD nor wait for
// children it did not start itself (waitpid(-1)): what such a wait takes away is lost to wait(),
// which then gives no_child_process.
//
// All of it works in Gs, and on plain threads, which block, with or without a runtime; not for
// signal handlers. Each call has a form that throws std::system_error and one that sets a
// std::error_code (generic category).
#pragma once

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <gmp/context.hpp>
#include <gmp/detail/time.hpp>
#include <gmp/file.hpp>
#include <gmp/pipe.hpp>

namespace gmp {
namespace detail {
struct process_state;
struct spawn_request;
}  // namespace detail

// What a child gets as one of its three standard streams.
class stdio {
 public:
  enum class kind { inherit, null, pipe, descriptor, as_out };

  static constexpr stdio inherit() noexcept { return stdio(kind::inherit, -1); }  // this process's
  static constexpr stdio null() noexcept { return stdio(kind::null, -1); }        // /dev/null
  static constexpr stdio pipe() noexcept { return stdio(kind::pipe, -1); }        // see process::in
  // An open file, which stays the caller's and must stay open until the child is started.
  static stdio file(const fs::file& f) noexcept {
    return stdio(kind::descriptor, f.native_handle());
  }
  static constexpr stdio descriptor(int fd) noexcept { return stdio(kind::descriptor, fd); }
  // Of err alone: where out goes.
  static constexpr stdio as_out() noexcept { return stdio(kind::as_out, -1); }

  constexpr kind what() const noexcept { return kind_; }
  constexpr int handle() const noexcept { return fd_; }

 private:
  constexpr stdio(kind k, int fd) noexcept : kind_(k), fd_(fd) {}
  kind kind_;
  int fd_;
};

// How a program is started. Go: exec.Cmd.
struct process_options {
  // "NAME=value" each; none: this process's environment.
  std::optional<std::vector<std::string>> environment{};
  std::string
      directory{};  // to start in; empty: this process's. A relative program is seen from it
  stdio in = stdio::null();
  stdio out = stdio::inherit();
  stdio err = stdio::inherit();
};

// How a child ended. Go: os.ProcessState.
struct exit_status {
  int code = 0;    // what it returned, 0 to 255; when a signal ended it, 0
  int signal = 0;  // the number of the signal that ended it, or 0
  bool core_dumped = false;
  bool success() const noexcept { return code == 0 && signal == 0; }
};

// A child process; movable. It does not outlive this object: the destructor kills a child that has
// not ended (SIGKILL) and blocks the thread, not the P, until it has. What the child has started
// itself lives on. Several Gs and threads may call wait(), kill() and the streams at once; moving,
// destroying and detach() need that nobody else uses the object.
//
// The child gets the standard streams as told and no other descriptor that this library opened;
// those of other code it gets unless they are close-on-exec. Its signal mask is empty, SIGPIPE has
// its default effect, what this process ignores otherwise is ignored.
class process {
 public:
  process() noexcept = default;  // of nothing
  process(process&& other) noexcept;
  process& operator=(process&& other) noexcept;
  ~process();

  // Starts `program`, looked up in this process's PATH unless there is a slash in it, with these
  // arguments (its own name is added in front). Returns once it runs: no_such_file_or_directory
  // (the program, its interpreter or the directory), permission_denied, executable_format_error and
  // all else exec(2) may say come from here. invalid_argument: a zero byte in any of the texts, or
  // as_out for in or out. bad_file_descriptor: a file that is not open. Hands the P off for the
  // while. Go: Cmd.Start.
  static process spawn(const std::string& program, const std::vector<std::string>& arguments = {},
                       const process_options& how = {});
  static process spawn(const std::string& program, const std::vector<std::string>& arguments,
                       const process_options& how, std::error_code& error);
  // The same, and kills it (SIGKILL) when the context is cancelled before it ends: wait() then
  // tells of that signal. A context that is cancelled already: its err(). Go: exec.CommandContext.
  static process spawn(const std::string& program, const std::vector<std::string>& arguments,
                       const process_options& how, const context& until);
  static process spawn(const std::string& program, const std::vector<std::string>& arguments,
                       const process_options& how, const context& until, std::error_code& error);

  // Is there a child, ended or not?
  explicit operator bool() const noexcept { return state_ != nullptr; }
  int pid() const noexcept;  // 0: none. Somebody else's, perhaps, after the child has ended

  // This process's ends of the streams that are stdio::pipe(); the others are not open. A child
  // that reads to the end of its input waits until in() is closed.
  pipe_writer& in() noexcept { return in_; }
  pipe_reader& out() noexcept { return out_; }
  pipe_reader& err() noexcept { return err_; }

  // Parks until it has ended; may be called again. It does not read the child's output: one that
  // fills a pipe never ends. no_child_process: somebody else has waited for it, or there is none.
  // Go: Cmd.Wait.
  exit_status wait();
  exit_status wait(std::error_code& error);
  // Not longer than until the context is cancelled: its err(); the child goes on.
  exit_status wait(const context& until);
  exit_status wait(const context& until, std::error_code& error);
  // Not longer than until then: nothing, the child goes on.
  template <class Clock, class Duration>
  std::optional<exit_status> wait_until(std::chrono::time_point<Clock, Duration> t) {
    return wait_deadline(detail::deadline_at(t));
  }
  template <class Rep, class Period>
  std::optional<exit_status> wait_for(std::chrono::duration<Rep, Period> d) {
    return wait_deadline(detail::deadline_after(d));
  }

  // Sends it a signal; never to another process that has its number. no_such_process: it has ended.
  // Go: Process.Signal, Process.Kill.
  void kill(int signal = SIGKILL);
  void kill(int signal, std::error_code& error) noexcept;

  // Lets it live on, and closes this process's ends of its streams. Nobody waits for it: when it
  // has ended, an entry of the process table is left until this process ends. Go: Process.Release.
  void detach() noexcept;

 private:
  process(detail::process_state* state, const detail::spawn_request& made) noexcept;
  std::optional<exit_status> wait_deadline(detail::nanoseconds_count when);
  void reset() noexcept;

  detail::process_state* state_ = nullptr;
  pipe_writer in_;
  pipe_reader out_;
  pipe_reader err_;
};

// What a program printed until it ended, and how it ended.
struct captured_output {
  exit_status status;
  std::string out;
  std::string err;  // empty with how.err = stdio::as_out()
};

// Runs a program to its end with `input` as its standard input (empty: as how.in says) and keeps
// what it prints (how.out and how.err do not count, but for as_out). A context that is cancelled
// kills it, and its err() is the error. Errors: as process::spawn; std::bad_alloc. What the
// program's own children print after it has ended is not in it. Go: Cmd.Output.
captured_output capture(const std::string& program, const std::vector<std::string>& arguments = {},
                        const process_options& how = {}, std::string_view input = {},
                        const context& until = {});
captured_output capture(const std::string& program, const std::vector<std::string>& arguments,
                        const process_options& how, std::string_view input, const context& until,
                        std::error_code& error);

}  // namespace gmp
