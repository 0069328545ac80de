//! Unpacks a small answer that becomes a large one.

use std::io::Read;
use tollgate_test_guests::wasi::http::outgoing_handler::handle;
use tollgate_test_guests::wasi::http::types::IncomingResponse;
use tollgate_test_guests::{Report, Scene, http};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);
    let packed = match http::Ask::get(&granted, "/bomb").build() {
        Ok(request) => handle(request, None).ok().and_then(|pending| {
            pending.subscribe().block();
            all_of(pending.get()?.ok()?.ok()?)
        }),
        Err(_) => None,
    };
    let Some(packed) = packed else {
        return report.say("no answer");
    };
    let mut unpacked = Vec::new();
    let result = flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked);
    report.step("unpack", result);
}

fn all_of(response: IncomingResponse) -> Option<Vec<u8>> {
    let body = response.consume().ok()?;
    let stream = body.stream().ok()?;
    let mut packed = Vec::new();
    while let Ok(piece) = stream.blocking_read(1 << 16) {
        packed.extend(piece);
    }
    Some(packed)
}
