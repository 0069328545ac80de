//! Reading a policy file.

use super::limits::Unit;
use super::reader::{Reader, Value};
use super::{
    CPU_US_MAX, DISK_BYTES_MAX, DISK_FILES_MAX, EFFECTS_MAX, HTTP_BODY_BYTES_MAX, Layer, Limits,
    MEMORY_SLOT_BYTES_MAX, OUTPUT_BYTES_MAX, Origin, POLICY_BYTES_MAX, POLICY_VERSION,
    PluginPolicy, PolicyError, PolicyFile, Prices, RULES_MAX, Rule, WALL_US_MAX, credential,
    digest, models, prices,
};
use crate::capability::Capability;
use crate::fault::excerpt;
use crate::names::{NAME_BYTES_MAX, is_name};
use crate::runtime::RuleEffect;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use toml::de::DeTable;

/// Reads the text of a policy file. The first error found is reported, with its line.
pub fn parse(text: &str, origin: &Origin) -> Result<PolicyFile, PolicyError> {
    let reader = Reader { text, origin };
    if text.len() > POLICY_BYTES_MAX {
        return Err(reader.error(
            0..0,
            format!("the file has {} bytes", text.len()),
            format!("write at most {POLICY_BYTES_MAX} bytes"),
        ));
    }
    let document = DeTable::parse(text).map_err(|e| {
        reader.error(
            e.span().unwrap_or(0..0),
            format!("not valid TOML: {}", e.message().replace('\n', ", ")),
            "here",
        )
    })?;
    let root = document.get_ref();
    reader.only(
        root,
        &[
            "version",
            "plugins",
            "credentials",
            "defaults",
            "models",
            "prices",
        ],
    )?;
    check_version(&reader, root)?;
    let mut file = PolicyFile {
        version: POLICY_VERSION,
        origin: origin.clone(),
        source_digest: digest::sha256(text.as_bytes()),
        plugins: BTreeMap::new(),
        credentials: BTreeMap::new(),
        default_limits: Limits::default(),
        models: BTreeMap::new(),
        prices: Prices::default(),
    };
    if let Some((key, value)) = root.get_key_value("credentials") {
        credential::check_layer(&reader, key.span())?;
        for (name, value) in reader.table(value, "[credentials.openai]")? {
            check_name(&reader, name.get_ref(), name.span(), "credential")?;
            file.credentials.insert(
                name.get_ref().to_string(),
                credential::read(&reader, value)?,
            );
        }
    }
    if let Some(value) = root.get("defaults") {
        let table = reader.table(value, "[defaults]")?;
        reader.only(table, &["limits"])?;
        if let Some(value) = table.get("limits") {
            file.default_limits = limits(&reader, value)?;
        }
    }
    if let Some(value) = root.get("models") {
        file.models = models::read(&reader, value)?;
    }
    if let Some(value) = root.get("prices") {
        file.prices = prices::read(&reader, value)?;
    }
    if let Some(value) = root.get("plugins") {
        for (name, value) in reader.table(value, "[plugins.files]")? {
            check_name(&reader, name.get_ref(), name.span(), "plugin")?;
            let policy = plugin(&reader, value, &file)?;
            file.plugins.insert(name.get_ref().to_string(), policy);
        }
    }
    Ok(file)
}

fn check_version(reader: &Reader<'_>, root: &DeTable<'_>) -> Result<(), PolicyError> {
    let Some(value) = root.get("version") else {
        return Err(reader.error(
            0..0,
            "the file has no version",
            format!("write `version = {POLICY_VERSION}` on the first line"),
        ));
    };
    let version = reader.count(value, "version = 1")?;
    if version == POLICY_VERSION {
        return Ok(());
    }
    Err(reader.error(
        value.span(),
        format!("version {version} is not one that this tollgate reads"),
        format!("write `version = {POLICY_VERSION}`, or use a newer tollgate"),
    ))
}

pub(super) fn check_name(
    reader: &Reader<'_>,
    name: &str,
    at: Range<usize>,
    what: &str,
) -> Result<(), PolicyError> {
    if is_name(name) {
        return Ok(());
    }
    Err(reader.error(
        at,
        format!("`{}` cannot name a {what}", excerpt(name)),
        format!(
            "use 1 to {NAME_BYTES_MAX} of a-z A-Z 0-9 . _ : -, starting with a letter or digit"
        ),
    ))
}

fn plugin(
    reader: &Reader<'_>,
    value: &Value<'_>,
    file: &PolicyFile,
) -> Result<PluginPolicy, PolicyError> {
    let table = reader.table(value, "[plugins.files]")?;
    reader.only(
        table,
        &["component", "config", "digest", "grants", "limits"],
    )?;
    let mut policy = PluginPolicy::default();
    if let Some(value) = table.get("component") {
        let text = reader.string(value, "\"files.wasm\"")?;
        if text.is_empty() || text.chars().any(crate::fault::disturbs) {
            return Err(reader.error(
                value.span(),
                "the component has no usable name",
                "write a path, a bundled name or `oci://registry/name:tag`",
            ));
        }
        policy.component = Some(text.to_owned());
    }
    if let Some(value) = table.get("digest") {
        policy.digest = Some(pinned(reader, value)?);
    }
    if let Some(value) = table.get("limits") {
        policy.limits = limits(reader, value)?;
    }
    if let Some(value) = table.get("config") {
        for (key, value) in reader.table(value, "config = { language = \"en\" }")? {
            let text = reader.string(value, "\"en\"")?;
            policy
                .config
                .insert(key.get_ref().to_string(), text.to_owned());
        }
    }
    if let Some(value) = table.get("grants") {
        policy.grants = grants(reader, value, file)?;
    }
    Ok(policy)
}

fn pinned(reader: &Reader<'_>, value: &Value<'_>) -> Result<String, PolicyError> {
    let text = reader.string(value, "\"sha256:…\"")?;
    let valid = text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
    if valid {
        return Ok(text.to_owned());
    }
    Err(reader.error(
        value.span(),
        "this is not a digest",
        "write `sha256:` and 64 hexadecimal digits in lower case; `tollgate plugin show` prints it",
    ))
}

fn grants(
    reader: &Reader<'_>,
    value: &Value<'_>,
    file: &PolicyFile,
) -> Result<Vec<Rule>, PolicyError> {
    const EXAMPLE: &str = "grants = [ \"fs.read . at /project\" ]";
    let array = reader.array(value, EXAMPLE)?;
    if array.len() > RULES_MAX {
        return Err(reader.error(
            value.span(),
            format!("{} rules are too many", array.len()),
            format!("write at most {RULES_MAX}"),
        ));
    }
    let mut rules: Vec<(Rule, Range<usize>)> = Vec::with_capacity(array.len());
    for value in array {
        let read = rule(reader, value)?;
        check_rule(reader, &read, &rules, file)?;
        rules.push(read);
    }
    check_denied(reader, &rules)?;
    Ok(rules.into_iter().map(|(rule, _)| rule).collect())
}

/// One rule, and the bytes of its capability.
fn rule(reader: &Reader<'_>, value: &Value<'_>) -> Result<(Rule, Range<usize>), PolicyError> {
    const EXAMPLE: &str =
        "\"env LANG\", { allow = \"env LANG\", decision = \"ask\" } or { deny = \"env *\" }";
    let Ok(table) = reader.table(value, EXAMPLE) else {
        return capability(reader, value, RuleEffect::Allow, EXAMPLE);
    };
    reader.only(table, &["allow", "decision", "deny", "retryable"])?;
    let retryable = retryable(reader, table)?;
    let ask = match table.get("decision") {
        None => false,
        Some(value) => match reader.string(value, "\"ask\"")? {
            "ask" => true,
            "allow" => false,
            other => {
                return Err(reader.error(
                    value.span(),
                    format!("`{}` is not a decision", excerpt(other)),
                    "write \"ask\", or leave `decision` out",
                ));
            }
        },
    };
    match (table.get("allow"), table.get("deny")) {
        (Some(value), None) => {
            let effect = if ask {
                RuleEffect::Ask
            } else {
                RuleEffect::Allow
            };
            let (mut rule, at) = capability(reader, value, effect, EXAMPLE)?;
            rule.retryable = retryable;
            Ok((rule, at))
        }
        (None, Some(value)) if table.get("decision").is_none() => {
            capability(reader, value, RuleEffect::Deny, EXAMPLE)
        }
        _ => Err(reader.error(
            value.span(),
            "a rule either allows, perhaps asking first, or denies",
            format!("write {EXAMPLE}"),
        )),
    }
}

/// Whether what the rule allows may be performed again where nobody saw how it ended. What somebody
/// must be asked for is not done again by itself, and what is denied is not done at all.
fn retryable(reader: &Reader<'_>, table: &DeTable<'_>) -> Result<bool, PolicyError> {
    let Some(value) = table.get("retryable") else {
        return Ok(false);
    };
    let retryable = reader.boolean(value, "retryable = true")?;
    let asks = table
        .get("decision")
        .is_some_and(|decision| decision.get_ref().as_str() == Some("ask"));
    if retryable && (asks || table.get("allow").is_none()) {
        return Err(reader.error(
            value.span(),
            "only what a rule allows without asking may be performed again by itself",
            "leave `retryable` out",
        ));
    }
    Ok(retryable)
}

fn capability(
    reader: &Reader<'_>,
    value: &Value<'_>,
    effect: RuleEffect,
    example: &str,
) -> Result<(Rule, Range<usize>), PolicyError> {
    let text = reader.string(value, example)?;
    let capability: Capability = text.parse().map_err(|e: crate::CapabilityError| {
        reader.error(
            reader.within(value, text, e.at()),
            e.fault().message(),
            e.fault().help(),
        )
    })?;
    let usable = match effect {
        RuleEffect::Deny => capability.deniable(),
        RuleEffect::Allow | RuleEffect::Ask => capability.grantable(),
    };
    usable.map_err(|f| reader.error(value.span(), f.message(), f.help()))?;
    let rule = Rule {
        effect,
        capability: capability.resolved(&reader.origin.base_dir),
        retryable: false,
        line: reader.line(value.span().start),
    };
    Ok((rule, value.span()))
}

/// What a rule may not do beside the others of its file.
fn check_rule(
    reader: &Reader<'_>,
    (rule, at): &(Rule, Range<usize>),
    before: &[(Rule, Range<usize>)],
    file: &PolicyFile,
) -> Result<(), PolicyError> {
    if rule.effect == RuleEffect::Deny {
        return Ok(());
    }
    match &rule.capability {
        Capability::Fs(fs) => {
            let root = &file.origin.base_dir;
            let inside = fs
                .host
                .dir()
                .is_some_and(|dir| Path::new(dir).starts_with(root));
            if file.origin.layer == Layer::Project && !inside {
                return Err(reader
                    .error(
                        at.clone(),
                        format!("mount {} is outside the project", fs.host),
                        "a project's file mounts only what lies in the project",
                    )
                    .help("grant it in the user's tollgate.toml, or with `tollgate grant add`"));
            }
            let other = before.iter().find_map(|(r, _)| match &r.capability {
                Capability::Fs(other)
                    if r.effect != RuleEffect::Deny
                        && other.guest == fs.guest
                        && other.host != fs.host =>
                {
                    Some((other, r.line))
                }
                _ => None,
            });
            match other {
                Some((other, line)) => Err(reader
                    .error(
                        at.clone(),
                        format!("two directories at one guest path {}", fs.guest),
                        format!("line {line} mounts {} there", other.host),
                    )
                    .help("give one of them another guest path")),
                None => Ok(()),
            }
        }
        Capability::Env(env) => {
            let secret = file.credentials.iter().find(|(_, c)| match &c.source {
                super::CredentialSource::Env(name) => env.name.matches(name),
                super::CredentialSource::File(_) | super::CredentialSource::Keyring(_) => false,
            });
            match secret {
                Some((name, _)) => Err(reader
                    .error(
                        at.clone(),
                        format!(
                            "can never match: this variable is the source of credential `{name}`"
                        ),
                        "a secret is never in a component's environment",
                    )
                    .help(format!("grant requests `with {name}` instead"))),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Refuses a rule whose every effect another rule of the file denies.
fn check_denied(reader: &Reader<'_>, rules: &[(Rule, Range<usize>)]) -> Result<(), PolicyError> {
    for (rule, at) in rules.iter().filter(|(r, _)| r.effect != RuleEffect::Deny) {
        let deny = rules.iter().find(|(r, _)| {
            r.effect == RuleEffect::Deny && denies_all(&r.capability, &rule.capability)
        });
        if let Some((deny, _)) = deny {
            return Err(reader
                .error(
                    at.clone(),
                    "can never match: everything that it allows is denied",
                    format!("line {} denies it, and deny wins", deny.line),
                )
                .help("leave one of the two out"));
        }
    }
    Ok(())
}

/// Whether `deny` plainly denies all that `rule` allows: the same target, or any.
fn denies_all(deny: &Capability, rule: &Capability) -> bool {
    match (deny, rule) {
        (Capability::Fs(d), Capability::Fs(r)) => {
            d.access == crate::FsAccess::Read
                && d.except.is_empty()
                && (d.host == r.host || d.host.dir().is_none())
                && (d.guest == r.guest || d.guest.dir().is_none())
        }
        (Capability::Http(d), Capability::Http(r)) => {
            (d.method == r.method || d.method == crate::MethodPattern::Any)
                && (d.url == r.url || d.url == crate::UrlPattern::Any)
        }
        (Capability::Env(d), Capability::Env(r)) => {
            d.name == r.name || d.name == crate::NamePattern::Any
        }
        (Capability::Kv(d), Capability::Kv(r)) => {
            d.namespace == r.namespace || d.namespace == crate::NamePattern::Any
        }
        (Capability::Dns(d), Capability::Dns(r)) => {
            d.name == r.name || d.name == crate::HostPattern::Any
        }
        (d, r) => d == r,
    }
}

fn limits(reader: &Reader<'_>, value: &Value<'_>) -> Result<Limits, PolicyError> {
    let table = reader.table(value, "limits = { memory = \"64MiB\", wall = \"30s\" }")?;
    reader.only(
        table,
        &[
            "memory",
            "wall",
            "cpu",
            "effects",
            "output",
            "http_body",
            "disk",
            "disk_files",
        ],
    )?;
    let sized = |key: &str, unit: Unit, max: u64| -> Result<Option<u64>, PolicyError> {
        let Some(value) = table.get(key) else {
            return Ok(None);
        };
        let example = if unit == Unit::Bytes {
            "\"64MiB\""
        } else {
            "\"30s\""
        };
        let text = reader.string(value, example)?;
        let number = unit.parse(text).map_err(|help| {
            reader.error(
                value.span(),
                format!("`{}` is not a limit", excerpt(text)),
                help,
            )
        })?;
        bounded(reader, value, key, number, max, &unit.write(max)).map(Some)
    };
    let counted = |key: &str, max: u64| -> Result<Option<u64>, PolicyError> {
        let Some(value) = table.get(key) else {
            return Ok(None);
        };
        let number = reader.count(value, &format!("{key} = 10000"))?;
        bounded(reader, value, key, number, max, &max.to_string()).map(Some)
    };
    Ok(Limits {
        memory_bytes: sized("memory", Unit::Bytes, MEMORY_SLOT_BYTES_MAX)?,
        wall_us: sized("wall", Unit::Time, WALL_US_MAX)?,
        cpu_us: sized("cpu", Unit::Time, CPU_US_MAX)?,
        effects: counted("effects", EFFECTS_MAX)?,
        output_bytes: sized("output", Unit::Bytes, OUTPUT_BYTES_MAX)?,
        http_body_bytes: sized("http_body", Unit::Bytes, HTTP_BODY_BYTES_MAX)?,
        disk_bytes: sized("disk", Unit::Bytes, DISK_BYTES_MAX)?,
        disk_files: counted("disk_files", DISK_FILES_MAX)?,
    })
}

fn bounded(
    reader: &Reader<'_>,
    value: &Value<'_>,
    key: &str,
    number: u64,
    max: u64,
    most: &str,
) -> Result<u64, PolicyError> {
    if number == 0 {
        return Err(reader.error(
            value.span(),
            format!("a limit `{key}` of nothing lets nothing run"),
            "write more, or leave the plugin out",
        ));
    }
    if number > max {
        let what = if key == "memory" {
            "an instance's slot"
        } else {
            "what can be enforced"
        };
        return Err(reader.error(
            value.span(),
            format!("`{key}` is above {what}"),
            format!("write at most {most}"),
        ));
    }
    Ok(number)
}
