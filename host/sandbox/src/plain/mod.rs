//! Components that were not made for Tollgate: exported functions as tools, a command as one tool.
//!
//! A component that exports neither world of the contract is looked at function by function. Each becomes
//! a tool whose arguments are an object with the function's parameters by name; [`schema`] says how WIT
//! types look in JSON. `wasi:cli/run` becomes the tool `run` ([`command`]).
//!
//! *Handles.* Every call is a fresh instance, so that a resource cannot outlive the call that made it. A
//! function that gives a resource is therefore no tool; where a parameter takes a resource, the argument
//! says how to make it, in the same call:
//! `{"make": TOOL, "arguments": {…}, "then": [{"call": TOOL, "arguments": {…}}, …]}`.
//!
//! Invariants: a component of this kind is called like any other, in the same engine, behind the same
//! gate; nothing of it runs to find out its tools. What has no form in JSON is left out, with the reason,
//! and never guessed.

mod call;
mod command;
pub(crate) mod docs;
mod names;
pub(crate) mod read;
pub(crate) mod schema;
pub(crate) mod shape;
#[cfg(test)]
mod tests;
pub(crate) mod write;

pub(crate) use call::call;

use crate::inspect::Inspection;
use crate::state::State;
use serde_json::{Map, Value, json};
use shape::{Parts, Shape, ShapeError};
use std::collections::BTreeMap;
use tollgate_contract::ToolSpec;
use wasmtime::component::types::{ComponentFunc, ComponentItem, ResourceType};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Type};

/// Tools that one component may have.
pub const TOOLS_PER_COMPONENT_MAX: usize = 256;
/// Functions that are left out and named.
const LEFT_OUT_MAX: usize = 32;
/// Parts that the types of all functions may have together.
const ALL_PARTS_MAX: usize = 64 * 1024;
/// The interface of commands, without its version.
const RUN: &str = "wasi:cli/run";

/// A component whose functions are tools.
pub(crate) struct Functions {
    pre: InstancePre<State>,
    tools: Vec<Tool>,
    /// By the names that tools and those who give handles have.
    functions: BTreeMap<String, Function>,
    left_out: Vec<String>,
}

struct Tool {
    spec: ToolSpec,
    work: Work,
}

enum Work {
    /// The function of that name.
    Function,
    Command(ComponentExportIndex),
}

struct Function {
    index: ComponentExportIndex,
    interface: Option<String>,
    name: String,
    params: Vec<(String, Param)>,
    gives: Gives,
}

enum Param {
    Value(Shape),
    Handle(ResourceType),
}

enum Gives {
    Nothing,
    Value(Shape),
    /// A resource, which may be in the first case of a result with this error.
    Handle(ResourceType, Option<Option<Shape>>),
}

/// A component whose functions are no tools.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolsError {
    /// Two would have one name.
    #[error(
        "its functions {one} and {other} would both be the tool {name}; tools are named interface_function, without package and version"
    )]
    Collision {
        /// The name.
        name: String,
        /// A function.
        one: String,
        /// The other one.
        other: String,
    },
    /// A name does not fit.
    #[error("its function {0} cannot be a tool: a name is 1 to 64 of a-z A-Z 0-9 _ -")]
    Name(String),
    /// Too many.
    #[error("it exports more than {TOOLS_PER_COMPONENT_MAX} functions")]
    Many,
    /// None.
    #[error(
        "it offers nothing to call: a plugin exports the world tools or provider of tollgate:plugin, functions whose types have a form in JSON, or wasi:cli/run{0}"
    )]
    None(String),
}

impl Functions {
    /// The tools of a component that was linked.
    pub(crate) fn of(pre: InstancePre<State>, inspection: &Inspection) -> Result<Self, ToolsError> {
        let component = pre.component();
        let engine = component.engine();
        let mut found = Found::default();
        let mut command = None;
        for (name, item) in component.component_type().exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(ty) => found.function(component, None, name, &ty)?,
                ComponentItem::ComponentInstance(instance) => {
                    let at = component.get_export_index(None, name);
                    if is_run(name) {
                        command = component.get_export_index(at.as_ref(), "run");
                        continue;
                    }
                    for (function, item) in instance.exports(engine) {
                        if let ComponentItem::ComponentFunc(ty) = item.ty {
                            found.function(component, Some((name, at.as_ref())), function, &ty)?;
                        }
                    }
                }
                _ => {}
            }
        }
        found.without_makers();
        let mut tools: Vec<Tool> = Vec::new();
        if let Some(index) = command {
            if found.functions.contains_key(command::NAME) {
                return Err(ToolsError::Collision {
                    name: command::NAME.into(),
                    one: RUN.into(),
                    other: command::NAME.into(),
                });
            }
            let spec = command::spec(inspection);
            let work = Work::Command(index);
            tools.push(Tool { spec, work });
        }
        for (name, function) in &found.functions {
            if !matches!(function.gives, Gives::Handle(..)) {
                let spec = found.spec(name, function, inspection);
                let work = Work::Function;
                tools.push(Tool { spec, work });
            }
        }
        if tools.is_empty() {
            let why = found.left_out.iter().map(|left| format!("; {left}"));
            return Err(ToolsError::None(why.collect()));
        }
        Ok(Self {
            tools,
            functions: found.functions,
            left_out: found.left_out,
            pre,
        })
    }

    /// What the tools are.
    pub(crate) fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|tool| tool.spec.clone()).collect()
    }

    /// Functions that are no tools, each with the reason.
    pub(crate) fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

/// Whether an export is `wasi:cli/run` of WASI 0.2.
pub(crate) fn is_run(export: &str) -> bool {
    let version = export
        .strip_prefix(RUN)
        .and_then(|rest| rest.strip_prefix('@'));
    version.is_some_and(|version| version.starts_with("0.2."))
}

#[derive(Default)]
struct Found {
    functions: BTreeMap<String, Function>,
    left_out: Vec<String>,
    parts: usize,
}

impl Found {
    fn function(
        &mut self,
        component: &Component,
        interface: Option<(&str, Option<&ComponentExportIndex>)>,
        name: &str,
        ty: &ComponentFunc,
    ) -> Result<(), ToolsError> {
        let (interface, at) = interface.map_or((None, None), |(name, at)| (Some(name), at));
        let full = names::full(interface, name);
        let Some(index) = component.get_export_index(at, name) else {
            return Ok(());
        };
        let function = match self.typed(ty) {
            Ok((params, gives)) => Function {
                index,
                interface: interface.map(str::to_owned),
                name: name.to_owned(),
                params,
                gives,
            },
            Err(why) => {
                self.leave_out(&full, &why.to_string());
                return Ok(());
            }
        };
        let tool = names::tool(interface, name);
        if !names::is_plain(&tool) {
            return Err(ToolsError::Name(full));
        }
        if self.functions.len() >= TOOLS_PER_COMPONENT_MAX {
            return Err(ToolsError::Many);
        }
        match self.functions.insert(tool.clone(), function) {
            None => Ok(()),
            Some(before) => Err(ToolsError::Collision {
                name: tool,
                one: names::full(before.interface.as_deref(), &before.name),
                other: full,
            }),
        }
    }

    fn leave_out(&mut self, full: &str, why: &str) {
        if self.left_out.len() < LEFT_OUT_MAX {
            self.left_out.push(format!("{full} is left out: {why}"));
        }
    }

    fn typed(&mut self, ty: &ComponentFunc) -> Result<(Vec<(String, Param)>, Gives), ShapeError> {
        if ty.async_() {
            return Err(ShapeError::Unsupported("an async function"));
        }
        let mut parts = Parts::up_to(ALL_PARTS_MAX.saturating_sub(self.parts));
        let typed = typed(ty, &mut parts);
        self.parts = self.parts.saturating_add(parts.taken());
        typed
    }

    /// Leaves out who takes a handle that nobody gives, until nobody does.
    fn without_makers(&mut self) {
        loop {
            let gone = self.functions.iter().find(|(_, function)| {
                function.params.iter().any(|(_, param)| {
                    matches!(param, Param::Handle(resource) if self.makers(*resource).is_empty())
                })
            });
            let Some(name) = gone.map(|(name, _)| name.clone()) else {
                return;
            };
            if let Some(function) = self.functions.remove(&name) {
                let full = names::full(function.interface.as_deref(), &function.name);
                self.leave_out(
                    &full,
                    "it takes a handle that no function of the component gives",
                );
            }
        }
    }

    fn makers(&self, resource: ResourceType) -> Vec<(&String, &Function)> {
        let gives = |function: &Function| matches!(&function.gives, Gives::Handle(of, _) if *of == resource);
        self.functions
            .iter()
            .filter(|(_, function)| gives(function))
            .collect()
    }

    fn spec(&self, name: &str, function: &Function, inspection: &Inspection) -> ToolSpec {
        let interface = function.interface.as_deref();
        let mut description = match inspection
            .docs
            .of(interface.map(names::short), &function.name)
        {
            Some(words) => words.to_owned(),
            None => format!("The function {}.", names::full(interface, &function.name)),
        };
        let output = match &function.gives {
            Gives::Value(Shape::Result(Some(shape), _)) => Some(shape.as_ref()),
            Gives::Value(shape) => Some(shape),
            _ => None,
        };
        let schema = output
            .filter(|shape| !matches!(shape, Shape::String | Shape::Bytes))
            .map(schema::of);
        // A structured output is an object; of anything else the description tells.
        let is_object = matches!(output, Some(Shape::Record(_)));
        if let Some(schema) = schema.as_ref().filter(|_| !is_object) {
            let told = schema.to_string();
            if told.len() <= RETURNS_BYTES_MAX {
                description.push_str(&format!(" Returns JSON: {told}"));
            }
        }
        ToolSpec {
            name: name.to_owned(),
            title: None,
            description,
            input_schema_json: self.input(function, true).to_string(),
            output_schema_json: schema
                .filter(|_| is_object)
                .map(|schema| schema.to_string()),
            hints: Default::default(),
        }
    }

    /// The schema of the arguments. How a handle is made is told one level deep.
    fn input(&self, function: &Function, outermost: bool) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, param) in &function.params {
            let (schema, optional) = match param {
                Param::Value(shape) => (schema::of(shape), shape.is_nullable()),
                Param::Handle(resource) if outermost => (self.recipe(*resource), false),
                Param::Handle(_) => (json!({ "type": "object" }), false),
            };
            if !optional {
                required.push(Value::from(name.as_str()));
            }
            properties.insert(name.clone(), schema);
        }
        schema::closed(properties, required)
    }

    fn recipe(&self, resource: ResourceType) -> Value {
        let makers = self.makers(resource).into_iter().map(|(name, maker)| {
            json!({
                "type": "object",
                "properties": {
                    "make": { "const": name },
                    "arguments": self.input(maker, false),
                    "then": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "call": { "type": "string" },
                                "arguments": { "type": "object" },
                            },
                            "required": ["call"],
                        },
                        "description": "tools to call with it first; their arguments leave it out",
                    },
                },
                "required": ["make"],
            })
        });
        json!({
            "oneOf": makers.collect::<Vec<_>>(),
            "description": "how to make it, in this call; it lives no longer",
        })
    }
}

/// Bytes of a schema that a description carries.
const RETURNS_BYTES_MAX: usize = 1000;

fn typed(
    ty: &ComponentFunc,
    parts: &mut Parts,
) -> Result<(Vec<(String, Param)>, Gives), ShapeError> {
    let mut params = Vec::new();
    for (name, ty) in ty.params() {
        let param = match shape::handle(&ty) {
            Some(resource) => {
                parts.take()?;
                Param::Handle(resource)
            }
            None => Param::Value(Shape::of(&ty, parts)?),
        };
        params.push((name.to_owned(), param));
    }
    let mut results = ty.results();
    let gives = match results.next() {
        None => Gives::Nothing,
        Some(Type::Own(resource)) => Gives::Handle(resource, None),
        Some(Type::Result(result)) if matches!(result.ok(), Some(Type::Own(_))) => {
            let err = result.err().map(|err| Shape::of(&err, parts)).transpose()?;
            match result.ok() {
                Some(Type::Own(resource)) => Gives::Handle(resource, Some(err)),
                _ => return Err(ShapeError::Unsupported("its result")),
            }
        }
        Some(ty) => Gives::Value(Shape::of(&ty, parts)?),
    };
    Ok((params, gives))
}
