//! What ends the call: leaving, and handles that nobody handed out.

use tollgate_test_guests::wasi::cli::exit;
use tollgate_test_guests::wasi::http::types::{ErrorCode, IncomingRequest, ResponseOutparam};

/// The index of a handle that there is not.
const FORGED: u32 = 4711;

/// Does what this name says and does not come back; nothing for another name.
pub(super) fn at(name: &str) {
    match name {
        "exit.exit" => exit::exit(Ok(())),
        "exit.exit-with-code" => exit::exit_with_code(7),
        "incoming-request.method" => drop(forged().method()),
        "incoming-request.path-with-query" => drop(forged().path_with_query()),
        "incoming-request.scheme" => drop(forged().scheme()),
        "incoming-request.authority" => drop(forged().authority()),
        "incoming-request.headers" => drop(forged().headers()),
        "incoming-request.consume" => drop(forged().consume()),
        "response-outparam.set" => {
            let param = forged_param();
            let code = ErrorCode::InternalError(None);
            ResponseOutparam::set(param, Err(code));
        }
        _ => {}
    }
}

/// A request that came in, of which no guest of ours is given one.
#[expect(unsafe_code, reason = "a forged handle")]
fn forged() -> IncomingRequest {
    // SAFETY: an index is all that a guest has of a handle; the host checks it.
    unsafe { IncomingRequest::from_handle(FORGED) }
}

/// A place for an answer to it.
#[expect(unsafe_code, reason = "a forged handle")]
fn forged_param() -> ResponseOutparam {
    // SAFETY: an index is all that a guest has of a handle; the host checks it.
    unsafe { ResponseOutparam::from_handle(FORGED) }
}
