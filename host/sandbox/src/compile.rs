//! Compiling a component in a child process with limits of its own.
//!
//! A small component can cost minutes and gigabytes to compile. The child has a limit of memory, of
//! processor time and of wall time; what breaks one is a refusal, not an outage.
//!
//! A WASI 0.1 module is made a component by the same child.
//!
//! Invariant: the bytes that are compiled, or made a component, are the bytes that were hashed.

use crate::engine::{self, Pool};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The most bytes of private memory that the child may map.
pub const COMPILE_MEMORY_BYTES_MAX: u64 = 3 * 1024 * 1024 * 1024;
/// The most seconds of processor time, over all threads of the child.
pub const COMPILE_CPU_SECONDS_MAX: u64 = 60;
/// The most seconds of wall time.
pub const COMPILE_WALL_SECONDS_MAX: u64 = 60;
/// Bytes of what the child says on standard error that are read.
const SAID_BYTES_MAX: u64 = 4096;
/// Ending of the component that was made of a module, beside the artifact.
pub(crate) const COMPONENT_EXTENSION: &str = "wasm";
/// How often the child is looked at.
const POLL: Duration = Duration::from_millis(5);

/// How to start the compile child: a program that ends up in [`compile_child`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// The program.
    pub program: PathBuf,
    /// Its arguments before the output path.
    pub arguments: Vec<String>,
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The child could not be started or its files not written.
    #[error("the compiler could not run: {0}")]
    Io(#[from] std::io::Error),
    /// The component does not validate or uses what the engine has off.
    #[error("the component does not compile: {0}")]
    Invalid(String),
    /// It costs too much to compile.
    #[error("compiling was stopped at its limit of {0}")]
    Limit(&'static str),
}

/// Compiles `bytes` in a child process and writes the artifact to `out`. What a module was made is written
/// beside it, with [`COMPONENT_EXTENSION`].
pub(crate) fn compile(compiler: &Compiler, bytes: &[u8], out: &Path) -> Result<(), CompileError> {
    let mut input = tempfile::tempfile()?;
    input.write_all(bytes)?;
    input.seek(SeekFrom::Start(0))?;
    let mut errors = tempfile::tempfile()?;
    let mut child = Command::new(&compiler.program)
        .args(&compiler.arguments)
        .arg(out)
        .env_clear()
        .stdin(Stdio::from(input))
        .stdout(Stdio::null())
        .stderr(Stdio::from(errors.try_clone()?))
        .spawn()?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > Duration::from_secs(COMPILE_WALL_SECONDS_MAX) {
            child.kill()?;
            child.wait()?;
            return Err(CompileError::Limit("60 s of wall time"));
        }
        std::thread::sleep(POLL);
    };
    if status.success() {
        return Ok(());
    }
    let mut said = Vec::new();
    errors.seek(SeekFrom::Start(0))?;
    errors.take(SAID_BYTES_MAX).read_to_end(&mut said)?;
    let said = String::from_utf8_lossy(&said);
    let failed = |what: String| Err(CompileError::Io(std::io::Error::other(what)));
    use std::os::unix::process::ExitStatusExt as _;
    match (status.signal(), status.code()) {
        (Some(SIGXCPU | SIGKILL), _) if may_be_cpu_limit(started.elapsed()) => {
            Err(CompileError::Limit("60 s of processor time"))
        }
        // An allocation that fails aborts the child.
        (Some(SIGABRT | SIGBUS | SIGSEGV), _) => Err(CompileError::Limit("3 GiB of memory")),
        (Some(signal), _) => failed(format!(
            "its process was ended by signal {signal}; the machine may be out of memory"
        )),
        (None, Some(EXIT_INVALID)) => Err(CompileError::Invalid(said.trim().to_owned())),
        _ => failed(said.trim().to_owned()),
    }
}

/// Whether so much time has passed that all cores together can have used up the limit.
fn may_be_cpu_limit(elapsed: Duration) -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = u32::try_from(cores).unwrap_or(u32::MAX);
    elapsed.saturating_mul(cores) >= Duration::from_secs(COMPILE_CPU_SECONDS_MAX)
}

const SIGABRT: i32 = 6;
const SIGBUS: i32 = 7;
const SIGSEGV: i32 = 11;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;
const EXIT_INVALID: i32 = 3;

/// The child's whole work: limits itself, reads a component from standard input, writes the artifact
/// to `out`. Returns the exit code and what to say on standard error.
pub fn compile_child(out: &Path) -> (i32, String) {
    match compile_here(out) {
        Ok(()) => (0, String::new()),
        Err(CompileError::Invalid(message)) => (EXIT_INVALID, message),
        Err(error) => (1, error.to_string()),
    }
}

fn compile_here(out: &Path) -> Result<(), CompileError> {
    limit_self()?;
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(crate::inspect::COMPONENT_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    if wasmparser::Parser::is_core_wasm(&bytes) {
        bytes = crate::adapt::adapt(&bytes).map_err(CompileError::Invalid)?;
        write(&out.with_extension(COMPONENT_EXTENSION), &bytes)?;
    }
    let engine = engine::build(Pool::CompileOnly).map_err(invalid)?;
    let artifact = engine.precompile_component(&bytes).map_err(invalid)?;
    write(out, &artifact)?;
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let mut file = file.write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

fn invalid(error: wasmtime::Error) -> CompileError {
    CompileError::Invalid(format!("{error:#}"))
}

fn limit_self() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
    // Nobody waits for an artifact whose host is gone. The thread that waits for this process is the one
    // that started it, so this cannot come too early.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let limits = [
        // A core dump of a compiler that ran out of memory would be gigabytes.
        (Resource::Core, 0),
        (Resource::Data, COMPILE_MEMORY_BYTES_MAX),
        (Resource::Cpu, COMPILE_CPU_SECONDS_MAX),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        let maximum = getrlimit(resource)
            .maximum
            .map_or(most, |max| max.min(most));
        setrlimit(
            resource,
            Rlimit {
                current: Some(maximum),
                maximum: Some(maximum),
            },
        )?;
    }
    Ok(())
}
