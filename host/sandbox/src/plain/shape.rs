//! The type of a value, as data: what a WIT type asks for, apart from the engine's types.
//!
//! Invariant: a shape is bounded in depth and size. Types of a component share their parts, so that a
//! component of a few hundred bytes can name a type that is a million parts large when written out.

use wasmtime::component::Type;
use wasmtime::component::types::ResourceType;

/// How deep a type may nest. In a schema each level can be four of JSON, and readers of a list of tools commonly
/// stop at 128.
pub const SHAPE_DEPTH_MAX: usize = 24;
/// Parts that the types of one function may have together, written out.
pub(crate) const SHAPE_PARTS_MAX: usize = 4096;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// `bool`.
    Bool,
    /// An integer.
    Int(Int),
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `char`.
    Char,
    /// `string`.
    String,
    /// `list<u8>`.
    Bytes,
    /// Any other list.
    List(Box<Shape>),
    /// A record: its fields by name.
    Record(Vec<(String, Shape)>),
    /// A tuple.
    Tuple(Vec<Shape>),
    /// A variant: its cases by name.
    Variant(Vec<(String, Option<Shape>)>),
    /// An enum: the names of its cases.
    Enum(Vec<String>),
    /// An option.
    Option(Box<Shape>),
    /// A result.
    Result(Option<Box<Shape>>, Option<Box<Shape>>),
    /// Flags: their names.
    Flags(Vec<String>),
}

/// The integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the type of WIT with that name")]
pub enum Int {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

impl Int {
    /// The least and the greatest.
    pub(crate) fn bounds(self) -> (i128, i128) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (0, u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::S64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
        }
    }

    /// Whether some of its values are no exact JSON numbers for every reader (RFC 8259, section 6).
    pub(crate) fn is_wide(self) -> bool {
        matches!(self, Self::S64 | Self::U64)
    }
}

/// A type that has no form in JSON, or is too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    #[error("its types nest more than {SHAPE_DEPTH_MAX} deep")]
    Deep,
    #[error("its types have more than {SHAPE_PARTS_MAX} parts")]
    Large,
    #[error("{0} has no form in JSON here")]
    Unsupported(&'static str),
}

/// What is left of the parts of one function.
#[derive(Debug)]
pub(crate) struct Parts {
    left: usize,
    taken: usize,
}

impl Parts {
    /// As many as one function may have, but at most `most`.
    pub(crate) fn up_to(most: usize) -> Self {
        Self {
            left: most.min(SHAPE_PARTS_MAX),
            taken: 0,
        }
    }

    pub(crate) fn take(&mut self) -> Result<(), ShapeError> {
        self.left = self.left.checked_sub(1).ok_or(ShapeError::Large)?;
        self.taken += 1;
        Ok(())
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

impl Shape {
    /// The shape of a type that holds no handle.
    pub(crate) fn of(ty: &Type, parts: &mut Parts) -> Result<Self, ShapeError> {
        Self::within(ty, parts, 0)
    }

    fn within(ty: &Type, parts: &mut Parts, depth: usize) -> Result<Self, ShapeError> {
        if depth >= SHAPE_DEPTH_MAX {
            return Err(ShapeError::Deep);
        }
        parts.take()?;
        let mut part = |ty: &Type| Self::within(ty, parts, depth + 1);
        let mut boxed = |ty: Option<Type>| ty.map(|ty| part(&ty).map(Box::new)).transpose();
        Ok(match ty {
            Type::Bool => Self::Bool,
            Type::S8 => Self::Int(Int::S8),
            Type::U8 => Self::Int(Int::U8),
            Type::S16 => Self::Int(Int::S16),
            Type::U16 => Self::Int(Int::U16),
            Type::S32 => Self::Int(Int::S32),
            Type::U32 => Self::Int(Int::U32),
            Type::S64 => Self::Int(Int::S64),
            Type::U64 => Self::Int(Int::U64),
            Type::Float32 => Self::F32,
            Type::Float64 => Self::F64,
            Type::Char => Self::Char,
            Type::String => Self::String,
            Type::List(list) => match list.ty() {
                Type::U8 => Self::Bytes,
                element => Self::List(Box::new(part(&element)?)),
            },
            Type::Record(record) => {
                let fields = record.fields();
                let fields = fields.map(|f| Ok((f.name.to_owned(), part(&f.ty)?)));
                Self::Record(fields.collect::<Result<_, _>>()?)
            }
            Type::Tuple(tuple) => Self::Tuple(
                tuple
                    .types()
                    .map(|ty| part(&ty))
                    .collect::<Result<_, _>>()?,
            ),
            Type::Variant(variant) => {
                let cases = variant.cases();
                let cases = cases.map(|case| {
                    let payload = case.ty.map(|ty| part(&ty)).transpose()?;
                    Ok((case.name.to_owned(), payload))
                });
                Self::Variant(cases.collect::<Result<_, _>>()?)
            }
            Type::Enum(cases) => Self::Enum(named(cases.names(), parts)?),
            Type::Option(option) => Self::Option(Box::new(part(&option.ty())?)),
            Type::Result(result) => Self::Result(boxed(result.ok())?, boxed(result.err())?),
            Type::Flags(flags) => Self::Flags(named(flags.names(), parts)?),
            Type::Own(_) | Type::Borrow(_) => {
                return Err(ShapeError::Unsupported("a handle inside of a value"));
            }
            Type::Future(_) => return Err(ShapeError::Unsupported("a future")),
            Type::Stream(_) => return Err(ShapeError::Unsupported("a stream")),
            Type::ErrorContext => return Err(ShapeError::Unsupported("an error-context")),
            Type::Map(_) => return Err(ShapeError::Unsupported("a map")),
            Type::FixedLengthList(_) => {
                return Err(ShapeError::Unsupported("a list of fixed length"));
            }
        })
    }

    /// Whether null is a value of it.
    pub(crate) fn is_nullable(&self) -> bool {
        matches!(self, Self::Option(_))
    }
}

fn named<'a>(
    names: impl Iterator<Item = &'a str>,
    parts: &mut Parts,
) -> Result<Vec<String>, ShapeError> {
    names
        .map(|name| parts.take().map(|()| name.to_owned()))
        .collect()
}

/// The resource of a handle, and whether it is handed over.
pub(crate) fn handle(ty: &Type) -> Option<ResourceType> {
    match ty {
        Type::Own(resource) | Type::Borrow(resource) => Some(*resource),
        _ => None,
    }
}
