//! Commands: what an operator, a driver or time wants of a session.

use crate::event::{Event, Identity, PromptMark, RunEnd, RunSeed, RunTerms};
use crate::status::{
    BlockReason, FailReason, FaultReason, InterruptReason, Resolution, Status, StopCause,
};

/// How an owner was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerLoss {
    /// The fence that it had.
    pub fence: u64,
    /// How that was found out.
    pub note: String,
    /// The endpoint, rather than the process, is what is gone.
    pub endpoint: bool,
    /// What it had begun and not ended.
    pub effects: Vec<LostEffect>,
}

/// An effect whose end nobody saw; its ledger entry says `indeterminate` already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostEffect {
    /// Its receipt.
    pub receipt: String,
    /// The call that had begun it.
    pub call: String,
    /// A grant of the operator's says that it may be performed again; the ledger says so already.
    pub again: bool,
}

/// A word on an effect whose end nobody saw; the ledger has it already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolving {
    /// Its receipt.
    pub receipt: String,
    /// The call that had begun it, where the ledger knows it.
    pub call: Option<String>,
    /// What became of it.
    pub resolution: Resolution,
}

/// Another provider or model that answered `describe`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebinding {
    /// The provider plugin.
    pub provider: String,
    /// The model; none means the adapter's default.
    pub model: Option<String>,
    /// Names the credential that the provider may use.
    pub auth_profile: Option<String>,
    /// The provider's own name.
    pub provider_name: Option<String>,
    /// The provider's wire format.
    pub format: Option<String>,
}

/// What is wanted. Ids and texts are made by the caller, so that deciding is pure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Create the session.
    Launch(Box<Identity>),
    /// Tell what is missing; nothing means that everything holds.
    Bind {
        /// Labels of what is missing.
        missing: Vec<String>,
        /// The provider's own name.
        provider_name: Option<String>,
        /// The provider's wire format.
        format: Option<String>,
    },
    /// Bind it to another provider or model, which has answered.
    Rebind(Box<Rebinding>),
    /// Open a run for a prompt.
    Prompt {
        /// Run and task.
        seed: RunSeed,
        /// The prompt.
        prompt: PromptMark,
        /// On what terms.
        terms: RunTerms,
        /// Refuse instead of waiting while unbound.
        no_wait: bool,
    },
    /// An exit word came as a prompt.
    Exit(PromptMark),
    /// Leave a message for later.
    Send(PromptMark),
    /// Open a run for what waits in the inbox.
    Deliver(RunSeed),
    /// Write down a step of the open run: provider and tool events.
    Journal(Event),
    /// The model was done.
    Complete(RunEnd),
    /// The run stops before it is done.
    Interrupt(RunEnd, InterruptReason),
    /// The run waits for somebody.
    Block(RunEnd, BlockReason),
    /// The run ends without an answer.
    Fail(RunEnd, FailReason),
    /// What the run waited for is there: an approval's answer, the ledger.
    Unblock(BlockReason),
    /// An operator says what became of an effect.
    Resolve(Resolving),
    /// End the run, keep the session.
    Cancel {
        /// In the operator's words.
        reason: Option<String>,
        /// Numbers of the run from whoever drives it; none for what the log knows.
        end: Option<RunEnd>,
    },
    /// Go on with the interrupted run.
    Continue,
    /// The host found a fault.
    Fault {
        /// Which.
        reason: FaultReason,
        /// Redacted words of the host.
        detail: Option<String>,
        /// Numbers of the open run, if one is open.
        end: Option<RunEnd>,
    },
    /// An operator declares a fault.
    Recover {
        /// Which.
        reason: FaultReason,
        /// In the operator's words.
        detail: Option<String>,
    },
    /// Bring it back without a run.
    RecoverResume,
    /// Bring it back with the interrupted run, else with a probe.
    RecoverReconnect(RunSeed),
    /// The owner is gone.
    OwnerLost(OwnerLoss),
    /// Effects are open that nobody will end.
    Indeterminate(Vec<LostEffect>),
    /// Rest: `dormant` or `suspended`.
    Rest(Status),
    /// Rest no more; what waits in the inbox becomes a run.
    Wake(RunSeed),
    /// Tear the context down and rebuild it from the handoff.
    Reset,
    /// End it; signoff differs in its last commune.
    Stop {
        /// By which verb.
        cause: StopCause,
        /// In the operator's words.
        reason: Option<String>,
    },
    /// Finish ending it: its summary is written.
    Finish,
    /// Start it again.
    Restart {
        /// In the operator's words.
        reason: Option<String>,
    },
    /// End it for good.
    Archive,
    /// Delete it.
    Remove,
}

impl Command {
    /// The command as an operator would say it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Launch(_) => "launch",
            Self::Bind { .. } => "bind",
            Self::Rebind(_) => "rebind",
            Self::Prompt { .. } => "prompt",
            Self::Exit(_) => "exit",
            Self::Send(_) => "send",
            Self::Deliver(_) => "deliver",
            Self::Journal(_) => "journal",
            Self::Complete(_) => "complete",
            Self::Interrupt(..) => "interrupt",
            Self::Block(..) => "block",
            Self::Fail(..) => "fail",
            Self::Unblock(_) => "unblock",
            Self::Resolve(..) => "resolve",
            Self::Cancel { .. } => "cancel",
            Self::Continue => "continue",
            Self::Fault { .. } => "fault",
            Self::Recover { .. } => "recover --reason",
            Self::RecoverResume => "recover --action resume",
            Self::RecoverReconnect(_) => "recover --action reconnect",
            Self::OwnerLost(_) => "owner-lost",
            Self::Indeterminate(_) => "indeterminate",
            Self::Rest(Status::Dormant) => "suspend --warm",
            Self::Rest(_) => "suspend",
            Self::Wake(_) => "wake",
            Self::Reset => "reset",
            Self::Stop {
                cause: StopCause::Signoff,
                ..
            } => "signoff",
            Self::Stop { .. } => "stop",
            Self::Finish => "finish",
            Self::Restart { .. } => "restart",
            Self::Archive => "archive",
            Self::Remove => "rm",
        }
    }
}
