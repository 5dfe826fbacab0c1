//! Walls around a plugin's process, built by itself before any of the plugin's code runs. None of them can be taken down
//! again from the inside.
//!
//! What they leave: computing, threads, time, random numbers, reading the system's libraries, and the one socket. What
//! they do not hide: the names and sizes of files, for neither seccomp nor Landlock looks at `stat`.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, io, process};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::setsid;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use super::{Wall, Walls};

/// Address space of a plugin's process, in bytes, with this program and all libraries.
const MEMORY: u64 = 1 << 30;
/// Files that it may have open, three of them nothing and one the socket.
const FILES: u64 = 16;

/// What the dynamic loader reads.
const LIBRARIES: [&str; 7] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/dev/null"];

/// Builds all walls that this kernel can build. `library` is the one file that may be read besides.
pub(super) fn build(library: &Path) -> Walls {
    // Landlock opens the folders that it names, and seccomp forbids to set up anything more: hence the order.
    Walls {
        limits: wall(limits().map(|()| Wall::InForce)),
        landlock: wall(landlock(library)),
        seccomp: wall(seccomp().map(|()| Wall::InForce)),
    }
}

fn wall<E: ToString>(built: Result<Wall, E>) -> Wall {
    built.unwrap_or_else(|error| Wall::Missing(error.to_string()))
}

fn limits() -> io::Result<()> {
    // Not RLIMIT_NPROC: it counts all processes of the user, the server's threads among them. Seccomp forbids to fork.
    for (resource, most) in [
        (Resource::RLIMIT_AS, MEMORY),
        (Resource::RLIMIT_NOFILE, FILES),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_MEMLOCK, 0),
        (Resource::RLIMIT_MSGQUEUE, 0),
    ] {
        setrlimit(resource, most, most)?;
    }
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    // Of the thread that started this process: the lane that it serves.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    setsid()?;
    Ok(())
}

fn landlock(library: &Path) -> Result<Wall, RulesetError> {
    let version = ABI::V6;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(version))?
        .handle_access(AccessNet::from_all(version))?
        .scope(Scope::from_all(version))?
        .create()?
        .add_rules(path_beneath_rules(LIBRARIES.iter().map(Path::new).chain([library]), read))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Wall::InForce,
        RulesetStatus::PartiallyEnforced => Wall::Partly,
        RulesetStatus::NotEnforced => Wall::Missing("this kernel has no Landlock".to_owned()),
    })
}

fn seccomp() -> Result<(), seccompiler::Error> {
    for program in [clone3_is_unknown(), only_what_computing_needs()] {
        apply_filter(&program?)?;
    }
    Ok(())
}

type Built = Result<BpfProgram, seccompiler::BackendError>;

/// What `clone3` is to do stands in memory, where a filter cannot look; the C library then does it with `clone`.
fn clone3_is_unknown() -> Built {
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    SeccompFilter::new(rules, SeccompAction::Allow, unknown, env::consts::ARCH.try_into()?)?.try_into()
}

/// A list of what is allowed, since one of what is not would miss what the next kernel brings.
fn only_what_computing_needs() -> Built {
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALWAYS.iter().map(|&call| (call, Vec::new())).collect();
    for (call, condition) in sometimes()? {
        rules.entry(call).or_default().push(SeccompRule::new(vec![condition])?);
    }
    SeccompFilter::new(rules, refused, SeccompAction::Allow, env::consts::ARCH.try_into()?)?.try_into()
}

/// Calls that are allowed with some arguments only. The conditions of one call are alternatives.
fn sometimes() -> Result<Vec<(i64, SeccompCondition)>, seccompiler::BackendError> {
    let when = |argument, is, value: i64| SeccompCondition::new(argument, Width::Dword, is, value.cast_unsigned());
    let writes = u64::from((libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC).cast_unsigned());
    let thread = i64::from(libc::CLONE_THREAD);
    let mut calls = vec![
        (libc::SYS_clone, when(0, Is::MaskedEq(thread.cast_unsigned()), thread)?),
        (libc::SYS_openat, when(2, Is::MaskedEq(writes), 0)?),
        // `abort` and `raise`.
        (libc::SYS_tgkill, when(0, Is::Eq, process::id().into())?),
        // Reading limits, not setting them: root could raise them again.
        (libc::SYS_prlimit64, SeccompCondition::new(2, Width::Qword, Is::Eq, 0)?),
    ];
    #[cfg(target_arch = "x86_64")]
    calls.push((libc::SYS_open, when(1, Is::MaskedEq(writes), 0)?));
    for option in [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA] {
        calls.push((libc::SYS_prctl, when(0, Is::Eq, option.into())?));
    }
    for request in [libc::TCGETS, libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX, libc::FIONCLEX] {
        calls.push((libc::SYS_ioctl, SeccompCondition::new(1, Width::Dword, Is::Eq, request)?));
    }
    Ok(calls)
}

/// Calls that are allowed whatever their arguments.
const ALWAYS: &[i64] = &[
    // memory
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mincore,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // threads and the end
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_get_robust_list,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    // signals of its own
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    // time and chance
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    libc::SYS_times,
    // who and where it is
    libc::SYS_getcwd,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    // files that are open, and the names of others
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_pselect6,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
    // the one socket, on which Rust's standard library reads and writes with these
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_create,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_eventfd,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getdents,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getrlimit,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pause,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pipe,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];
