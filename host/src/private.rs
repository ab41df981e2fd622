//! What is nobody's business but this user's: databases, their copies, compiled code.

use std::io;
use std::path::Path;

/// Makes a folder that only this user can look into, and the folders above it. One that is there keeps the rights that it has.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
