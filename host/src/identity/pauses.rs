//! Short pauses in a computation that knows none: an interrupt every `EVERY_US`, in which the thread sleeps.
//!
//! A thread that computes for milliseconds keeps a core from becoming idle, and only a core that becomes idle takes over what waits
//! at another one: on full cores requests then wait for the kernel's next tick, 4 ms. A lower priority does not help, nor does
//! yielding; a sleep does, however short. Measured with a storm of logins beside short reads on two full cores: their p99 is 3.5 times
//! that of quiet without pauses, and the same as in quiet with them (`cargo xtask bench neighbours`). Price: a fifth of the thread's speed.
//!
//! A timer of the thread's own and a signal that nobody else uses. Linux only: elsewhere there are no pauses.

/// Time between two pauses. Twice as much and the others begin to wait.
#[cfg(target_os = "linux")]
const EVERY_US: i64 = 200;

/// How long a pause is asked to be. With the kernel's usual slack of 50 µs it is 60.
#[cfg(target_os = "linux")]
const PAUSE_NS: i64 = 10_000;

#[cfg(target_os = "linux")]
pub(super) use linux::Pauses;

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::Pauses;

#[cfg(target_os = "linux")]
mod linux {
    use super::{EVERY_US, PAUSE_NS};
    use std::io;
    use std::marker::PhantomData;
    use std::mem;
    use std::ptr;

    /// Sent to the thread by its timer. Its meaning, a timer of the process's CPU time, is in use by nobody here.
    const SIGNAL: libc::c_int = libc::SIGVTALRM;

    /// The pauses of the thread that made this.
    pub(in crate::identity) struct Pauses {
        timer: libc::timer_t,
        /// The timer interrupts one thread: this stays with it.
        _of_this_thread: PhantomData<*const ()>,
    }

    impl Pauses {
        /// No pauses yet.
        pub(in crate::identity) fn new() -> io::Result<Self> {
            // SAFETY: zero is a valid value of both structures, the kernel reads them during the calls, and `sleep` may be called at any
            // moment (signal-safety(7)).
            let timer = unsafe {
                let mut action: libc::sigaction = mem::zeroed();
                action.sa_sigaction = sleep as *const () as usize;
                action.sa_flags = libc::SA_RESTART;
                done(libc::sigaction(SIGNAL, &raw const action, ptr::null_mut()))?;
                let mut event: libc::sigevent = mem::zeroed();
                event.sigev_notify = libc::SIGEV_THREAD_ID;
                event.sigev_signo = SIGNAL;
                event.sigev_notify_thread_id = libc::gettid();
                let mut timer = ptr::null_mut();
                done(libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer))?;
                timer
            };
            Ok(Self { timer, _of_this_thread: PhantomData })
        }

        /// Does something with pauses in it.
        pub(in crate::identity) fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
            self.set(EVERY_US);
            let done = work();
            self.set(0);
            done
        }

        fn set(&mut self, every_us: i64) {
            let every = libc::timespec { tv_sec: 0, tv_nsec: every_us * 1_000 };
            let setting = libc::itimerspec { it_interval: every, it_value: every };
            // SAFETY: the timer is this one's until it is dropped; the kernel reads the setting during the call. It can fail for neither.
            unsafe { libc::timer_settime(self.timer, 0, &raw const setting, ptr::null_mut()) };
        }
    }

    impl Drop for Pauses {
        fn drop(&mut self) {
            // SAFETY: nobody uses the timer afterwards.
            unsafe { libc::timer_delete(self.timer) };
        }
    }

    /// The handler. Whatever it interrupts finds its `errno` as it was.
    extern "C" fn sleep(_signal: libc::c_int) {
        let pause = libc::timespec { tv_sec: 0, tv_nsec: PAUSE_NS };
        // SAFETY: `errno` is this thread's own; the kernel reads `pause` during the call.
        unsafe {
            let errno = libc::__errno_location();
            let before = *errno;
            libc::nanosleep(&raw const pause, ptr::null_mut());
            *errno = before;
        }
    }

    fn done(code: libc::c_int) -> io::Result<()> {
        if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::time::{Duration, Instant};

        /// How often this thread gave its core away by itself.
        fn sleeps() -> u64 {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
            line.trim().parse().unwrap()
        }

        fn compute_until(enough: impl Fn() -> bool) {
            let begun = Instant::now();
            while !enough() && begun.elapsed() < Duration::from_secs(30) {
                std::hint::black_box((0..10_000u64).sum::<u64>());
            }
        }

        #[test]
        fn a_computation_pauses_again_and_again_and_only_while_it_is_asked_to() {
            let mut pauses = Pauses::new().unwrap();
            let before = sleeps();
            pauses.during(|| compute_until(|| sleeps() - before > 50));
            assert!(sleeps() - before > 50);
            let before = sleeps();
            let begun = Instant::now();
            compute_until(|| begun.elapsed() > Duration::from_millis(50));
            assert!(sleeps() - before <= 1, "one may have been on its way");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::io;

    /// None.
    pub(in crate::identity) struct Pauses;

    impl Pauses {
        pub(in crate::identity) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::identity) fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
            work()
        }
    }
}
