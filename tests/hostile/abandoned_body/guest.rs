//! Asks, and drops what it asked for: the answer before it comes, its body unread, its own body unsent.

use tollgate_test_guests::http::{Ask, Method};
use tollgate_test_guests::wasi::http::outgoing_handler::handle;
use tollgate_test_guests::{Report, Scene};

const TIMES: usize = 40;

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);
    let mut sent = [0_usize; 3];
    for _ in 0..TIMES {
        // The answer is never waited for.
        sent[0] += usize::from(
            ask(&granted, "/slow", Method::Get).is_some_and(|r| handle(r, None).is_ok()),
        );
        // Its body is never read.
        let pending = ask(&granted, "/endless", Method::Get).and_then(|r| handle(r, None).ok());
        if let Some(pending) = pending {
            pending.subscribe().block();
            sent[1] += usize::from(matches!(pending.get(), Some(Ok(Ok(_)))));
        }
        // The request's body is begun and never finished.
        if let Some(request) = ask(&granted, "/upload", Method::Post) {
            let body = request.body();
            let pending = handle(request, None);
            if let Ok(stream) = body.as_ref().map_err(drop).and_then(|body| body.write()) {
                sent[2] += usize::from(stream.blocking_write_and_flush(b"half").is_ok());
            }
            drop(body);
            if let Ok(pending) = pending {
                pending.subscribe().block();
            }
        }
    }
    report.say(format!("begun and dropped: {sent:?}"));
}

fn ask<'a>(
    authority: &'a str,
    path: &'a str,
    method: Method,
) -> Option<tollgate_test_guests::wasi::http::types::OutgoingRequest> {
    let ask = Ask {
        method,
        ..Ask::get(authority, path)
    };
    ask.build().ok()
}
