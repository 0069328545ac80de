//! Finding objects: in packs, then in files of their own.

use crate::bounds::{CACHE_BYTES_MAX, CHAIN_MAX, PACKS_MAX};
use crate::id::{Id, Prefix};
use crate::loose;
use crate::object::{self, Commit, Entry, Kind, Object};
use crate::pack::{Found, Pack, apply};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tollgate_sdk::{ToolError, io_kind};

/// The objects of a repository.
#[derive(Debug)]
pub(crate) struct Objects {
    directory: PathBuf,
    packs: Vec<Pack>,
    cache: RefCell<Cache>,
}

/// Objects by their place in a pack. Emptied when full: the next ones are near each other again.
#[derive(Debug, Default)]
struct Cache {
    objects: HashMap<(usize, u64), Object>,
    bytes: usize,
}

impl Cache {
    fn keep(&mut self, place: (usize, u64), object: &Object) {
        if self.bytes.saturating_add(object.data.len()) > CACHE_BYTES_MAX {
            *self = Self::default();
        }
        if object.data.len() <= CACHE_BYTES_MAX / 4 {
            self.bytes = self.bytes.saturating_add(object.data.len());
            self.objects.insert(place, object.clone());
        }
    }
}

impl Objects {
    pub(crate) fn open(directory: &Path) -> Result<Self, ToolError> {
        let packs = pack_indexes(&directory.join("pack"))?
            .iter()
            .map(|index| Pack::open(index))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            directory: directory.to_owned(),
            packs,
            cache: RefCell::default(),
        })
    }

    /// The object of that name.
    pub(crate) fn get(&self, id: &Id) -> Result<Object, ToolError> {
        for (number, pack) in self.packs.iter().enumerate() {
            if let Some(at) = pack.find(id)? {
                return self.packed(id, number, at);
            }
        }
        match loose::find(&self.directory, id)? {
            Some(object) => Ok(object),
            None => Err(self.missing(id)),
        }
    }

    /// The object, which must be of that kind.
    pub(crate) fn of_kind(&self, id: &Id, kind: Kind) -> Result<Rc<Vec<u8>>, ToolError> {
        let object = self.get(id)?;
        match object.kind == kind {
            true => Ok(object.data),
            false => Err(ToolError::failed(format!(
                "{id} is a {}, where a {} is expected",
                object.kind.name(),
                kind.name()
            ))),
        }
    }

    pub(crate) fn commit(&self, id: &Id) -> Result<Commit, ToolError> {
        Commit::parse(id, &self.of_kind(id, Kind::Commit)?)
    }

    pub(crate) fn tree(&self, id: &Id) -> Result<Vec<Entry>, ToolError> {
        object::tree(id, &self.of_kind(id, Kind::Tree)?)
    }

    pub(crate) fn blob(&self, id: &Id) -> Result<Rc<Vec<u8>>, ToolError> {
        self.of_kind(id, Kind::Blob)
    }

    /// The one name that begins so.
    pub(crate) fn with_prefix(&self, prefix: &Prefix) -> Result<Option<Id>, ToolError> {
        let mut found = loose::with_prefix(&self.directory, prefix)?;
        for pack in &self.packs {
            found.extend(pack.with_prefix(prefix)?);
        }
        found.sort();
        found.dedup();
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            [one, other, ..] => Err(ToolError::invalid(format!(
                "{one} and {other} both begin so; write more digits"
            ))),
        }
    }

    /// Follows the differences down to a whole object, and builds up from there.
    fn packed(&self, id: &Id, pack: usize, at: u64) -> Result<Object, ToolError> {
        let source = self.packs.get(pack).ok_or_else(|| self.missing(id))?;
        let mut deltas: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut place = at;
        let mut object = loop {
            if let Some(known) = self.cache.borrow().objects.get(&(pack, place)) {
                break known.clone();
            }
            if deltas.len() >= CHAIN_MAX {
                return Err(ToolError::failed(format!(
                    "the object {id} is built from more than {CHAIN_MAX} others"
                )));
            }
            match source.read(place)? {
                Found::Whole(kind, data) => {
                    let data = Rc::new(data);
                    let object = Object { kind, data };
                    self.cache.borrow_mut().keep((pack, place), &object);
                    break object;
                }
                Found::ToPlace(base, delta) => {
                    deltas.push((place, delta));
                    place = base;
                }
                Found::ToObject(base, delta) => {
                    deltas.push((place, delta));
                    match source.find(&base)? {
                        Some(base) => place = base,
                        None => return Err(self.missing(&base)),
                    }
                }
            }
        };
        while let Some((place, delta)) = deltas.pop() {
            let data = apply(&object.data, &delta).ok_or_else(|| {
                ToolError::failed(format!(
                    "the object {id} is damaged: a difference does not fit"
                ))
            })?;
            object = Object {
                kind: object.kind,
                data: Rc::new(data),
            };
            self.cache.borrow_mut().keep((pack, place), &object);
        }
        Ok(object)
    }

    fn missing(&self, id: &Id) -> ToolError {
        let borrowed = fs::metadata(self.directory.join("info/alternates")).is_ok();
        let why = match borrowed {
            true => {
                "; the repository borrows objects from another one (objects/info/alternates), which is \
                 not read"
            }
            false => "",
        };
        ToolError::not_found(format!("there is no object {id}{why}"))
    }
}

fn pack_indexes(directory: &Path) -> Result<Vec<PathBuf>, ToolError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if io_kind(&error) == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ToolError::io("list", directory, &error)),
    };
    let mut indexes = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| ToolError::io("list", directory, &error))?
            .path();
        let named = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("pack-"));
        if named && path.extension().is_some_and(|ending| ending == "idx") {
            indexes.push(path);
        }
    }
    if indexes.len() > PACKS_MAX {
        return Err(ToolError::failed(format!(
            "the repository has {} packs, more than {PACKS_MAX}; `git gc` joins them",
            indexes.len()
        )));
    }
    indexes.sort();
    Ok(indexes)
}
