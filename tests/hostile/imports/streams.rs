//! Streams of whatever kind: each function of theirs once.

use super::{told, tried};
use tollgate_test_guests::Report;
use tollgate_test_guests::wasi::io::streams::{InputStream, OutputStream};

/// Reads from one stream and writes to the other.
pub(super) fn attempt(
    report: &mut Report,
    kind: &str,
    input: Option<&InputStream>,
    output: Option<&OutputStream>,
) {
    attempt_input(report, kind, input);
    attempt_output(report, kind, output);
    let both = input.zip(output);
    let of = |function: &str| format!("output-stream.{function} {kind}");
    tried(report, &of("splice"), both, |(from, to)| to.splice(from, 1));
    tried(report, &of("blocking-splice"), both, |(from, to)| {
        to.blocking_splice(from, 1)
    });
}

fn attempt_input(report: &mut Report, kind: &str, input: Option<&InputStream>) {
    let of = |function: &str| format!("input-stream.{function} {kind}");
    tried(report, &of("read"), input, |input| input.read(1));
    tried(report, &of("blocking-read"), input, |input| {
        input.blocking_read(1)
    });
    tried(report, &of("skip"), input, |input| input.skip(1));
    tried(report, &of("blocking-skip"), input, |input| {
        input.blocking_skip(1)
    });
    told(report, "input-stream.subscribe", input, |input| {
        drop(input.subscribe());
    });
}

fn attempt_output(report: &mut Report, kind: &str, output: Option<&OutputStream>) {
    let of = |function: &str| format!("output-stream.{function} {kind}");
    tried(
        report,
        &of("check-write"),
        output,
        OutputStream::check_write,
    );
    // A write without leave is a trap.
    let leave = |output: &OutputStream| output.check_write().map(|_| ());
    tried(report, &of("write"), output, |output| {
        leave(output)?;
        output.write(b"w")
    });
    tried(report, &of("flush"), output, OutputStream::flush);
    tried(
        report,
        &of("blocking-flush"),
        output,
        OutputStream::blocking_flush,
    );
    tried(report, &of("blocking-write-and-flush"), output, |output| {
        output.blocking_write_and_flush(b"b")
    });
    tried(report, &of("write-zeroes"), output, |output| {
        leave(output)?;
        output.write_zeroes(1)
    });
    tried(
        report,
        &of("blocking-write-zeroes-and-flush"),
        output,
        |output| output.blocking_write_zeroes_and_flush(1),
    );
    told(report, "output-stream.subscribe", output, |output| {
        drop(output.subscribe());
    });
}
