//! The sides: which programs they are, how they are started, what their tools are called.

use crate::report::Report;
use crate::tools::Tool;
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `cargo xtask bench tools` says what there is: the path, or after `NO_` why there is none.
pub(crate) const ACT: &str = "TOLLGATE_BENCH_ACT";
const ACT_GUEST: &str = "TOLLGATE_BENCH_ACT_GUEST";
const EXTISM: &str = "TOLLGATE_BENCH_EXTISM";
const EXTISM_GUEST: &str = "TOLLGATE_BENCH_EXTISM_GUEST";
const PLUGIN: &str = "bench";

/// Directories of one run, on the disk of the build.
pub(crate) struct Place {
    home: tempfile::TempDir,
}

/// One side.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) about: String,
    program: PathBuf,
    serve: Vec<OsString>,
    /// In front of the component and the tool, to call it once.
    pub(crate) call: Option<Vec<OsString>>,
    component: OsString,
    /// How a server prefixes a tool's name.
    prefix: &'static str,
    /// The directory of the file as its guest sees it.
    data: String,
    home: PathBuf,
    /// Where it keeps its records.
    pub(crate) store: Option<PathBuf>,
}

/// A call as a client sends it, and what it must give.
pub(crate) struct ToolCall {
    pub(crate) params: String,
    pub(crate) answer: String,
}

impl Place {
    pub(crate) fn new() -> Result<Self> {
        let base = Path::new("target/bench");
        std::fs::create_dir_all(base)?;
        let home = tempfile::tempdir_in(base.canonicalize()?)?;
        std::fs::create_dir(home.path().join("data"))?;
        std::fs::write(home.path().join("data/a.txt"), file_text())?;
        Ok(Self { home })
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }
}

/// What is in the file.
pub(crate) fn file_text() -> String {
    "hello\n".repeat(100)
}

/// Ours, and the peers that there are.
pub(crate) fn sides(place: &Place, report: &mut Report) -> Result<(Side, Vec<Side>)> {
    let ours = ours(place)?;
    let mut peers = Vec::new();
    match (path(ACT), path(ACT_GUEST)) {
        (Ok(program), Ok(guest)) => peers.push(act(place, &program, &guest)?),
        (Err(why), _) | (_, Err(why)) => report.skip("act", &why),
    }
    match (path(EXTISM), path(EXTISM_GUEST)) {
        (Ok(program), Ok(guest)) => {
            peers.push(extism(place, &program, &guest, "extism fresh", "fresh"));
            peers.push(extism(place, &program, &guest, "extism reused", "reused"));
        }
        (Err(why), _) | (_, Err(why)) => report.skip("extism", &why),
    }
    Ok((ours, peers))
}

/// A path from the environment, or why there is none.
pub(crate) fn path(variable: &str) -> Result<PathBuf, String> {
    let Some(path) = std::env::var_os(variable) else {
        let why = variable.replacen("TOLLGATE_BENCH_", "TOLLGATE_BENCH_NO_", 1);
        return Err(std::env::var(why)
            .unwrap_or_else(|_| format!("{variable} is not set; use `cargo xtask bench tools`")));
    };
    Ok(PathBuf::from(path))
}

/// The program that the tests use.
pub(crate) fn tollgate() -> PathBuf {
    std::env::var_os("TOLLGATE_BIN").map_or_else(|| "target/debug/tollgate".into(), PathBuf::from)
}

fn ours(place: &Place) -> Result<Side> {
    let home = place.path().join("tollgate");
    std::fs::create_dir(&home)?;
    let side = Side {
        name: "tollgate",
        about: "a fresh instance for each call, each on record and durable before it is answered"
            .to_owned(),
        program: tollgate().canonicalize().context("no tollgate program")?,
        serve: vec!["mcp".into()],
        call: Some(vec!["call".into()]),
        component: PLUGIN.into(),
        prefix: "bench__",
        data: "/data".to_owned(),
        store: Some(home.join("state/store")),
        home,
    };
    side.set_up(&["plugin", "add", text(&crate::calls::component()?)?])?;
    let grant = format!("fs.read {} at /data", place.data().display());
    side.set_up(&["grant", "add", PLUGIN, &grant])?;
    Ok(side)
}

fn act(place: &Place, program: &Path, guest: &Path) -> Result<Side> {
    let home = place.path().join("act");
    std::fs::create_dir(&home)?;
    let data = place.data();
    let allow = [
        "--allow".into(),
        format!("fs={}/**:ro", data.display()).into(),
    ];
    let run = ["run", "--mcp"].map(OsString::from).into_iter();
    let call = std::iter::once(OsString::from("call"));
    let printed = Command::new(program).arg("--version").output()?.stdout;
    Ok(Side {
        name: "act",
        about: format!(
            "{}: one instance for all calls, one call at a time; its audit trail is text, not durable",
            String::from_utf8_lossy(&printed).trim()
        ),
        program: program.to_owned(),
        serve: run.chain(allow.clone()).chain([guest.into()]).collect(),
        call: Some(call.chain(allow).collect()),
        component: guest.into(),
        prefix: "",
        data: text(&data)?.to_owned(),
        home,
        store: None,
    })
}

fn extism(place: &Place, program: &Path, guest: &Path, name: &'static str, mode: &str) -> Side {
    let instance = match mode {
        "fresh" => "a plugin made for each call from the compiled module",
        _ => "a plugin for each processor, kept for all calls",
    };
    Side {
        name,
        about: format!("the library behind a bare stdio loop of ours: {instance}; no records"),
        program: program.to_owned(),
        serve: vec![mode.into(), guest.into(), place.data().into()],
        call: None,
        component: OsString::new(),
        prefix: "",
        data: "/data".to_owned(),
        home: place.path().to_owned(),
        store: None,
    }
}

impl Side {
    /// Its server of the Model Context Protocol.
    pub(crate) fn server(&self) -> Command {
        let mut command = self.command();
        command.args(&self.serve);
        command
    }

    /// One call on the command line.
    pub(crate) fn command_line(&self, tool: Tool) -> Result<Command> {
        let call = self.call.as_ref().context("it has no command line")?;
        let mut command = self.command();
        command.args(call).arg(&self.component).arg(tool.name());
        let flag = if self.store.is_some() {
            "--arguments-json"
        } else {
            "--args"
        };
        command.arg(flag).arg(self.arguments(tool).to_string());
        Ok(command)
    }

    pub(crate) fn tool_call(&self, tool: Tool) -> ToolCall {
        let name = format!("{}{}", self.prefix, tool.name());
        let params = serde_json::json!({ "name": name, "arguments": self.arguments(tool) });
        ToolCall {
            params: params.to_string(),
            answer: tool.answer(),
        }
    }

    fn arguments(&self, tool: Tool) -> serde_json::Value {
        match tool {
            Tool::Greet => serde_json::json!({ "name": "Ada" }),
            Tool::Read => serde_json::json!({ "path": format!("{}/a.txt", self.data) }),
        }
    }

    /// Whatever it keeps is in its home; what it says goes to a file there.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.home)
            .env("HOME", &self.home)
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env("TOLLGATE_HOME", &self.home)
            .stderr(self.log().map_or_else(|_| Stdio::null(), Stdio::from));
        command
    }

    fn log(&self) -> std::io::Result<File> {
        let log = self.home.join(format!("{}.log", self.name));
        File::options().create(true).append(true).open(log)
    }

    fn set_up(&self, arguments: &[&str]) -> Result<()> {
        let output = self.command().args(arguments).output()?;
        if !output.status.success() {
            let said = std::fs::read_to_string(self.home.join("tollgate.log"))?;
            bail!("`tollgate {}` failed: {said}", arguments.join(" "));
        }
        Ok(())
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}
