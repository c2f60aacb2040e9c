"""gdb commands for programs that use gmpsched, on live processes and core files.

  info gs        every G: id, name, state, what it waits for, who made it
  g ID bt        the stack of one G
  g all bt       the stacks of all

Needs the program's symbol table, no debug information. x86-64."""

import gdb
import gdb.unwinder

STATES = ["dead", "runnable", "runnable", "running", "waiting"]
REASONS = [
    "none", "chan receive", "chan send", "nil chan", "select", "select (no cases)", "mutex", "shared_mutex",
    "condition_variable", "wait_group", "once", "semaphore", "task", "sleep", "IO read", "IO write", "IO accept",
    "IO connect", "name lookup", "testing::wait", "process",
]
FIELDS = ["version", "size", "ctx", "state", "reason", "id", "creator", "sched", "extra", "name",
          "all_ms", "all_next", "current", "tid"]


def read(address, size=8):
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(address, size)), "little")


def symbol(name):
    return int(gdb.parse_and_eval("(unsigned long) &%s" % name))


def text_at(address):
    """A std::string."""
    data, length = read(address), read(address + 8)
    return bytes(gdb.selected_inferior().read_memory(data, min(length, 256))).decode("utf-8", "replace") if length else ""


class Program:
    def __init__(self):
        try:
            table = symbol("gmpsched_gdb_table")
            slabs = symbol("gmpsched_gdb_slabs")
        except gdb.error:
            raise gdb.GdbError("no symbols of gmpsched in this program")
        self.at = {name: read(table + 8 * i) for i, name in enumerate(FIELDS)}
        if self.at["version"] != 1:
            raise gdb.GdbError("gmpsched-gdb.py is not of the library's version")
        self.slabs = [read(slabs + 8 * i) for i in range(6)]

    def gs(self):
        head, next_, base, stride, slot_bytes, handed_out = self.slabs
        slab = read(head)
        found = []
        while slab:
            step, first = read(slab + stride), read(slab + base)
            for i in range(read(slab + handed_out)):
                one = G(self, first + (i + 1) * step - self.at["size"])
                if one.sched and one.state not in ("dead", "unknown"):
                    found.append(one)
            slab = read(slab + next_)
        return sorted(found, key=lambda g: (g.sched, g.id))


class G:
    def __init__(self, program, block):
        self.program, self.block = program, block
        state = self.field("state", 1)
        self.state = STATES[state] if state < len(STATES) else "unknown"
        self.newborn = state == 1
        self.sched = self.field("sched")
        self.id = self.field("id")

    def field(self, name, size=8):
        return read(self.block + self.program.at[name], size)

    def line(self):
        extra = self.field("extra")
        name = text_at(extra + self.program.at["name"]) if extra else ""
        text = "G %d" % self.id + (' "%s"' % name if name else "")
        if self.state == "waiting":
            reason = self.field("reason", 1)
            text += " waits: " + (REASONS[reason] if reason < len(REASONS) else "?")
        else:
            text += " is " + self.state
        creator = self.field("creator")
        return text + ("; made by G %d" % creator if creator else "; made by a plain thread")

    def thread(self):
        """The thread of the M that runs it."""
        at = self.program.at
        m = read(self.sched + at["all_ms"])
        while m:
            if read(m + at["current"]) == self.block:
                tid = read(m + at["tid"], 4)
                for thread in gdb.selected_inferior().threads():
                    if thread.ptid[1] == tid:
                        return thread
            m = read(m + at["all_next"])
        return None


class Parked(gdb.unwinder.Unwinder):
    """Says of the selected thread's newest frame that a parked G called it."""

    REGISTERS = {"r12": 0x08, "r13": 0x10, "r14": 0x18, "r15": 0x20, "rbx": 0x28, "rbp": 0x30, "rip": 0x38}

    def __init__(self):
        super().__init__("gmpsched-parked-g")
        self.ctx = self.top = None

    def __call__(self, pending):
        if self.ctx is None or int(pending.read_register("rsp")) != self.top:
            return None
        word = gdb.lookup_type("unsigned long")
        # Below the G's frames: gdb gives up on a frame that lies lower than the one it called.
        low = gdb.Value(self.ctx).cast(word)
        info = pending.create_unwind_info(FrameId(low, pending.read_register("rip")))
        for register, offset in self.REGISTERS.items():
            info.add_saved_register(register, gdb.Value(read(self.ctx + offset)).cast(word))
        info.add_saved_register("rsp", gdb.Value(self.ctx + 0x40).cast(word))
        return info


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


PARKED = Parked()
gdb.unwinder.register_unwinder(None, PARKED, replace=True)


def backtrace_of(g):
    print(g.line())
    before = gdb.selected_thread()
    try:
        if g.state == "running":
            thread = g.thread()
            if thread is None:
                print("  its thread is not known")
                return
            thread.switch()
            print(gdb.execute("bt", to_string=True), end="")
        elif g.newborn:
            print("  it has not begun")
        else:
            gdb.execute("frame 0", to_string=True)
            PARKED.top = int(gdb.parse_and_eval("(unsigned long) $rsp"))
            PARKED.ctx = g.field("ctx")
            gdb.invalidate_cached_frames()
            lines = gdb.execute("bt", to_string=True).splitlines()
            print("\n".join(l for l in lines if not l.startswith("#0 ")))
    finally:
        PARKED.ctx = None
        gdb.invalidate_cached_frames()
        if before is not None and before.is_valid():
            before.switch()


class InfoGs(gdb.Command):
    """List all Gs."""

    def __init__(self):
        super().__init__("info gs", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for g in Program().gs():
            print(g.line())


class GCommand(gdb.Command):
    """g ID bt, g all bt: the stack of a G, or of all."""

    def __init__(self):
        super().__init__("g", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split()
        if len(words) != 2 or words[1] not in ("bt", "backtrace"):
            raise gdb.GdbError("usage: g ID bt, g all bt")
        gs = Program().gs()
        if words[0] != "all":
            gs = [g for g in gs if str(g.id) == words[0]]
            if not gs:
                raise gdb.GdbError("no G " + words[0])
        for g in gs:
            backtrace_of(g)


InfoGs()
GCommand()
