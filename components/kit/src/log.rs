//! The log of a service: lines on stderr, which the host turns into log records with the component's name and the
//! request's trace.
//!
//! What goes here never goes to a client, and the other way round: no bodies, no tokens, no parameters of statements.

/// Says that something went wrong which the client can't know and somebody should look at.
pub fn error(text: &str) {
    write("error", text);
}

#[expect(clippy::print_stderr, reason = "the one place where a service writes to its log")]
fn write(level: &str, text: &str) {
    // One write a line: lines of concurrent requests do not mix.
    eprintln!("{level}: {text}");
}
