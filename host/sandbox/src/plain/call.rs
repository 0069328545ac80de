//! One call of a function: arguments in, a fresh instance, the result out.
//!
//! Invariants: arguments that do not fit are refused before anything of the component runs, apart from
//! what makes a handle; values of the component are bounded before they are copied out of its memory and
//! again when they are written.

use super::read::{self, Misfit, Room};
use super::shape::Shape;
use super::write::{self, Unwritten};
use super::{Function, Functions, Gives, Param, Work, command};
use crate::answer::Answer;
use crate::meter::{Hit, LimitTrap};
use crate::state::State;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use tollgate_contract::{OutputBlock, ToolError, ToolOutput};
use wasmtime::Store;
use wasmtime::component::{Instance, Val};

/// Functions that one call may call, with those that make its handles.
const STEPS_MAX: usize = 32;

/// Why a function gave no result.
enum Stop {
    /// It trapped, or the host ended it.
    Trap(wasmtime::Error),
    /// An argument does not fit.
    Misfit(Misfit),
    /// What should make a handle gave an error.
    Failed(String),
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

impl From<Misfit> for Stop {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit)
    }
}

impl From<Unwritten> for Stop {
    fn from(error: Unwritten) -> Self {
        Self::Trap(match error {
            Unwritten::Large => wasmtime::Error::new(LimitTrap(Hit::Output)),
            Unwritten::Shape => wasmtime::Error::new(error),
        })
    }
}

/// Calls a tool.
pub(crate) async fn call(
    store: &mut Store<State>,
    functions: &Functions,
    tool: &str,
    arguments_json: &str,
) -> wasmtime::Result<Answer> {
    let Some(found) = functions.tools.iter().find(|known| known.spec.name == tool) else {
        return Ok(Answer::Tool(Err(ToolError::NotFound {
            message: format!("there is no tool {tool:?}"),
        })));
    };
    let arguments = match serde_json::from_str(arguments_json) {
        Ok(Value::Object(arguments)) => arguments,
        Ok(_) => return Ok(invalid("the arguments are not a JSON object")),
        Err(error) => return Ok(invalid(&format!("the arguments are not JSON: {error}"))),
    };
    if let Work::Command(run) = &found.work {
        return command::call(store, functions, run, arguments).await;
    }
    let mut running = Running {
        functions,
        instance: None,
        room: Room::default(),
        steps: 0,
        output_bytes_max: store.data().output.bytes_max(),
    };
    match running.tool(store, tool, &arguments).await {
        Ok(output) => Ok(Answer::Tool(Ok(output))),
        Err(Stop::Misfit(misfit)) => Ok(invalid(&misfit.to_string())),
        Err(Stop::Failed(message)) => Ok(Answer::Tool(Err(ToolError::Failed { message }))),
        Err(Stop::Trap(error)) => Err(error),
    }
}

pub(super) fn invalid(message: &str) -> Answer {
    Answer::Tool(Err(ToolError::InvalidArguments {
        message: message.to_owned(),
    }))
}

/// What a call has done so far.
struct Running<'a> {
    functions: &'a Functions,
    /// Made with the first function that is called.
    instance: Option<Instance>,
    room: Room,
    steps: usize,
    output_bytes_max: usize,
}

impl<'a> Running<'a> {
    async fn tool(
        &mut self,
        store: &mut Store<State>,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<ToolOutput, Stop> {
        let function = self.function(name)?;
        let values = self.arguments(store, function, arguments, None).await?;
        let result = self.perform(store, function, &values).await?;
        self.output(function, result)
    }

    fn function(&self, name: &str) -> Result<&'a Function, Stop> {
        let found = self.functions.functions.get(name);
        found.ok_or_else(|| Misfit::new(format!("there is no tool {name:?}")).into())
    }

    /// The values of a function's parameters; the first may be there already.
    fn arguments<'b>(
        &'b mut self,
        store: &'b mut Store<State>,
        function: &'b Function,
        arguments: &'b Map<String, Value>,
        first: Option<&'b Val>,
    ) -> BoxFuture<'b, Result<Vec<Val>, Stop>> {
        Box::pin(async move {
            let params = function.params.iter().skip(usize::from(first.is_some()));
            let params: Vec<_> = params.collect();
            if let Some(stray) = arguments
                .keys()
                .find(|key| !params.iter().any(|(name, _)| name == *key))
            {
                let known: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
                return Err(read::stray(stray, &known).into());
            }
            let mut values: Vec<Val> = first.cloned().into_iter().collect();
            // Plain values first: what does not fit is refused before anything runs.
            let mut handles = Vec::new();
            for (name, param) in params {
                let json = arguments.get(name);
                let at = |misfit: Misfit| misfit.within(name);
                match (param, json) {
                    (Param::Value(shape), None) if !shape.is_nullable() => {
                        return Err(Misfit::new(format!("{name} is missing")).into());
                    }
                    (Param::Value(shape), json) => {
                        let json = json.unwrap_or(&Value::Null);
                        values.push(read::value(shape, json, &mut self.room).map_err(at)?);
                    }
                    (Param::Handle(_), None) => {
                        return Err(Misfit::new(format!("{name} is missing")).into());
                    }
                    (Param::Handle(resource), Some(json)) => {
                        handles.push((values.len(), name, *resource, json));
                        values.push(Val::Bool(false));
                    }
                }
            }
            for (index, name, resource, json) in handles {
                let made = self.make(store, resource, json).await;
                let made = made.map_err(|stop| match stop {
                    Stop::Misfit(misfit) => Stop::Misfit(misfit.within(name)),
                    stop => stop,
                })?;
                if let Some(value) = values.get_mut(index) {
                    *value = made;
                }
            }
            Ok(values)
        })
    }

    /// Makes a handle as a recipe says.
    async fn make(
        &mut self,
        store: &mut Store<State>,
        resource: wasmtime::component::ResourceType,
        recipe: &Value,
    ) -> Result<Val, Stop> {
        let none = Map::new();
        let (maker, arguments) = step(recipe, "make", &none)?;
        let function = self.function(maker)?;
        if !matches!(&function.gives, Gives::Handle(of, _) if *of == resource) {
            return Err(Misfit::new(format!("{maker:?} does not make what is wanted here")).into());
        }
        let values = self.arguments(store, function, arguments, None).await?;
        let result = self.perform(store, function, &values).await?;
        let made = match (result, &function.gives) {
            (Some(Val::Result(Ok(Some(made)))), _) => *made,
            (Some(Val::Result(Err(error))), Gives::Handle(_, Some(shape))) => {
                let told = match (shape, error) {
                    (Some(shape), Some(error)) => {
                        write::json(shape, &error, self.output_bytes_max)?
                    }
                    _ => "an error".to_owned(),
                };
                return Err(Stop::Failed(format!("{maker} gave {told}")));
            }
            (Some(made), _) => made,
            (None, _) => return Err(Unwritten::Shape.into()),
        };
        let then = match recipe.get("then") {
            None => &[],
            Some(Value::Array(then)) => then.as_slice(),
            Some(_) => return Err(Misfit::new("expected an array").within("then").into()),
        };
        for next in then {
            let (name, arguments) = step(next, "call", &none)?;
            let function = self.function(name)?;
            let takes =
                matches!(function.params.first(), Some((_, Param::Handle(of))) if *of == resource);
            if !takes || matches!(function.gives, Gives::Handle(..)) {
                return Err(Misfit::new(format!(
                    "{name:?} is no tool that works on what was made"
                ))
                .into());
            }
            let values = self
                .arguments(store, function, arguments, Some(&made))
                .await?;
            let result = self.perform(store, function, &values).await?;
            if let (Some(Val::Result(Err(_))), Gives::Value(_)) = (&result, &function.gives) {
                let told = self.output(function, result)?;
                let told: Vec<_> = told.content.iter().map(OutputBlock::as_text).collect();
                return Err(Stop::Failed(format!("{name} gave {}", told.join(" "))));
            }
        }
        Ok(made)
    }

    async fn perform(
        &mut self,
        store: &mut Store<State>,
        function: &Function,
        values: &[Val],
    ) -> Result<Option<Val>, Stop> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Misfit::new(format!("more than {STEPS_MAX} functions in one call")).into());
        }
        let instance = match self.instance {
            Some(instance) => instance,
            None => {
                let instance = self.functions.pre.instantiate_async(&mut *store).await?;
                *self.instance.insert(instance)
            }
        };
        let called = instance
            .get_func(&mut *store, function.index)
            .ok_or_else(|| wasmtime::format_err!("the function is not exported any more"))?;
        let mut results = match function.gives {
            Gives::Nothing => Vec::new(),
            _ => vec![Val::Bool(false)],
        };
        called.call_async(&mut *store, values, &mut results).await?;
        Ok(results.pop())
    }

    fn output(&self, function: &Function, result: Option<Val>) -> Result<ToolOutput, Stop> {
        let (shape, value) = match (&function.gives, result) {
            (Gives::Value(shape), Some(value)) => (shape, value),
            _ => return Ok(ToolOutput::default()),
        };
        let (is_error, shape, value) = match (shape, value) {
            (Shape::Result(ok, _), Val::Result(Ok(value))) => {
                (false, ok.as_deref(), value.map(|v| *v))
            }
            (Shape::Result(_, err), Val::Result(Err(value))) => {
                (true, err.as_deref(), value.map(|v| *v))
            }
            (shape, value) => (false, Some(shape), Some(value)),
        };
        let content = match (shape, value) {
            (Some(shape), Some(value)) => vec![self.block(shape, value)?],
            _ => Vec::new(),
        };
        Ok(ToolOutput { content, is_error })
    }

    fn block(&self, shape: &Shape, value: Val) -> Result<OutputBlock, Stop> {
        Ok(match (shape, value) {
            (Shape::String, Val::String(text)) => OutputBlock::Text { text },
            (Shape::Bytes, value) => OutputBlock::Blob {
                media_type: "application/octet-stream".into(),
                data: write::bytes(&value)?,
            },
            (shape, value) => OutputBlock::Json {
                json: write::json(shape, &value, self.output_bytes_max)?,
            },
        })
    }
}

/// The tool of a step of a recipe, and its arguments.
fn step<'b>(
    json: &'b Value,
    verb: &str,
    none: &'b Map<String, Value>,
) -> Result<(&'b str, &'b Map<String, Value>), Misfit> {
    let shape = || {
        Misfit::new(format!(
            "expected {{\"{verb}\": TOOL, \"arguments\": {{…}}}}"
        ))
    };
    let object = json.as_object().ok_or_else(shape)?;
    let known =
        |key: &String| key == verb || key == "arguments" || (verb == "make" && key == "then");
    if !object.keys().all(known) {
        return Err(shape());
    }
    let name = object.get(verb).and_then(Value::as_str).ok_or_else(shape)?;
    let arguments = match object.get("arguments") {
        None => none,
        Some(arguments) => arguments.as_object().ok_or_else(shape)?,
    };
    Ok((name, arguments))
}
