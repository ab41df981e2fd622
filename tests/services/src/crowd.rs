//! Many at once.

/// How often a request is repeated that others were preferred to.
pub const REPETITIONS_MAX: u32 = 100;

/// Does the same so many times at once, on all threads; the answers in the order of the numbers.
pub async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    times: usize,
    make: impl Fn(usize) -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..times).map(|number| tokio::spawn(make(number))).collect();
    let mut answers = Vec::with_capacity(times);
    for task in tasks {
        answers.push(task.await.expect("no request panics"));
    }
    answers
}

/// Repeats a request for as long as others are preferred (409 `busy`), which only engines with concurrent writers do: nothing was
/// written. The status that it ends with.
#[macro_export]
macro_rules! patiently {
    ($request:expr) => {{
        let mut repetitions = 0;
        loop {
            let answer: $crate::answer::Answer = $request.await;
            if answer.status < 400 || answer.refusal() != (409, "busy") {
                break answer.status;
            }
            repetitions += 1;
            assert!(repetitions < $crate::crowd::REPETITIONS_MAX, "others are preferred for ever");
        }
    }};
}
