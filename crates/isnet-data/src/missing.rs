//! What a file that is not there was most likely meant to be.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

/// Entries of a folder that are looked at: enough for data sets, and no wait on a folder of millions.
const MOST_ENTRIES: usize = 50_000;

/// What a file that is not there was most likely meant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Likely {
    /// A file that differs only in how its accents are stored, which no screen shows.
    NormalForm(PathBuf),
    /// A file that differs only in blanks.
    Blanks(PathBuf),
    /// A file that differs only in capitals.
    Capitals(PathBuf),
    /// A file of the same name and another extension.
    Extension(PathBuf),
    /// A path with `\` between folders; the file that it means, if it is there.
    Backslashes(Option<PathBuf>),
    /// An address and not a path.
    Address,
    /// A path of Windows, with the letter of a drive.
    Drive,
    /// `~`, which only a shell understands.
    Home,
}

/// How two names are held against each other, strictest first.
type Key = (fn(&str) -> String, fn(PathBuf) -> Likely);

const KEYS: [Key; 4] = [
    (normal_form, Likely::NormalForm),
    (without_blanks, Likely::Blanks),
    (lower_case, Likely::Capitals),
    (without_extension, Likely::Extension),
];

impl Likely {
    /// Looks around a path that does not exist.
    pub(crate) fn find(path: &Path) -> Option<Self> {
        let text = path.to_string_lossy();
        let is = |part: &Component<'_>, word: &str| part.as_os_str() == word;
        let mut parts = path.components();
        if parts.clone().any(|part| ["file:", "http:", "https:", "s3:", "gs:"].iter().any(|scheme| is(&part, scheme))) {
            return Some(Self::Address);
        }
        if parts.any(|part| is(&part, "~")) {
            return Some(Self::Home);
        }
        if std::path::MAIN_SEPARATOR == '/' && text.contains('\\') {
            let is_drive = |part: &str| {
                let bytes = part.as_bytes();
                bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && bytes[2] == b'\\'
            };
            if text.rsplit('/').next().is_some_and(is_drive) {
                return Some(Self::Drive);
            }
            let meant = PathBuf::from(text.replace('\\', "/"));
            return Some(Self::Backslashes(meant.exists().then_some(meant)));
        }
        KEYS.iter().find_map(|(key, likely)| resembling(path, *key).map(likely))
    }
}

/// The file whose path has the same keys, folder by folder, below the last folder that exists.
fn resembling(path: &Path, key: fn(&str) -> String) -> Option<PathBuf> {
    let existing = path.ancestors().skip(1).find(|folder| folder.is_dir() || folder.as_os_str().is_empty())?;
    let mut found = existing.to_path_buf();
    let missing: Vec<&OsStr> = path.strip_prefix(existing).ok()?.iter().collect();
    for part in missing {
        let wanted = key(&part.to_string_lossy());
        let folder = if found.as_os_str().is_empty() { Path::new(".") } else { &found };
        let entries = std::fs::read_dir(folder).ok()?.take(MOST_ENTRIES).flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        let name = names.into_iter().find(|name| key(&name.to_string_lossy()) == wanted)?;
        found.push(name);
    }
    Some(found)
}

fn normal_form(name: &str) -> String {
    name.nfc().collect()
}

fn without_blanks(name: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let parts = [stem, extension].map(|part| part.nfkc().filter(|letter| !letter.is_whitespace()).collect::<String>());
    parts.join(".")
}

fn lower_case(name: &str) -> String {
    without_blanks(name).to_lowercase()
}

fn without_extension(name: &str) -> String {
    lower_case(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

impl fmt::Display for Likely {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NormalForm(found) => write!(
                f,
                "`{}` is there and looks the same, but its accents are stored in another way (NFC and NFD; macOS and other \
                 systems differ in it); copy the name from the folder into the list, or rename the file",
                found.display()
            ),
            Self::Blanks(found) => {
                write!(f, "`{}` is there, with other blanks; correct one of the two", found.display())
            }
            Self::Capitals(found) => {
                write!(f, "`{}` is there; capitals count, so correct one of the two", found.display())
            }
            Self::Extension(found) => {
                write!(f, "`{}` is there, with another extension; correct the path if it is meant", found.display())
            }
            Self::Backslashes(Some(found)) => {
                write!(f, "`{}` is there; write `/` between folders, which every system reads", found.display())
            }
            Self::Backslashes(None) => write!(f, "write `/` between folders, which every system reads"),
            Self::Address => {
                write!(f, "this is an address; write a path on this computer, without `file://` or `https://`")
            }
            Self::Drive => write!(f, "this is a path of Windows; write where the file is on this computer"),
            Self::Home => write!(f, "only a shell reads `~`; write the folder out"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    /// The path as it is asked for, and what is said.
    fn said(folder: &Folder, path: &str) -> Option<Likely> {
        let top = folder.path("x").parent().unwrap().to_path_buf();
        Likely::find(&top.join(path))
    }

    #[test]
    fn a_file_that_looks_the_same_is_named() {
        let folder = Folder::new();
        let accent = folder.picture("cafe\u{301}/a.png", 1);
        let blank = folder.picture("scan/a b.png", 2);
        let capital = folder.picture("Scan2/B.PNG", 3);
        let other = folder.picture("scan/c.jpg", 4);
        let cases = [
            ("caf\u{e9}/a.png", Some(Likely::NormalForm(accent))),
            ("scan/a\u{a0}b .png", Some(Likely::Blanks(blank))),
            ("scan2/b.png", Some(Likely::Capitals(capital))),
            ("scan/c.png", Some(Likely::Extension(other.clone()))),
            ("scan/d.png", None),
            ("nowhere/d.png", None),
            ("file:///scan/c.jpg", Some(Likely::Address)),
            ("~/scan/c.jpg", Some(Likely::Home)),
        ];
        for (path, expected) in cases {
            assert_eq!(said(&folder, path), expected, "{path}");
        }
        #[cfg(unix)]
        {
            assert_eq!(said(&folder, r"scan\c.jpg"), Some(Likely::Backslashes(Some(other))));
            assert_eq!(said(&folder, r"scan\z.jpg"), Some(Likely::Backslashes(None)));
            assert_eq!(said(&folder, r"C:\scan\c.jpg"), Some(Likely::Drive));
        }
    }
}
