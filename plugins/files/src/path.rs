//! Guest paths as a model writes them.

use std::path::{Path, PathBuf};
use tollgate_sdk::ToolError;

/// Longest path, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// Takes an absolute path as it is: `..` and links are the host's to judge.
pub(crate) fn guest(path: &str) -> Result<PathBuf, ToolError> {
    if path.len() > PATH_BYTES_MAX {
        return Err(ToolError::invalid(format!(
            "a path has at most {PATH_BYTES_MAX} bytes"
        )));
    }
    if path.contains('\0') {
        return Err(ToolError::invalid("a path has no NUL character"));
    }
    if !Path::new(path).is_absolute() {
        return Err(ToolError::invalid(format!(
            "path {path:?} is not absolute; write one such as /project/README.md"
        )));
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_and_otherwise_left_alone() {
        assert_eq!(guest("/a/../b//c").unwrap().as_os_str(), "/a/../b//c");
        for bad in ["", "a", "./a", "/a\0b", &format!("/{}", "a".repeat(4096))] {
            assert!(matches!(guest(bad), Err(ToolError::InvalidArguments(_))));
        }
    }
}
