//! The audit log: who changed what serves, when, and what came of it. One JSON object a line in the data folder. Lines are
//! added and never changed; of full files the last one is kept.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const FILE: &str = "audit.log";

/// Bytes after which a new file is begun; the one before is kept beside it. Some 50,000 changes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// One change, or the attempt of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it ended, RFC 3339 in UTC.
    pub time: String,
    /// The name of an operator's token; `probation` for the host itself, `watch` for a file that changed.
    pub who: String,
    /// What was asked for.
    pub action: Action,
    /// The component's name.
    pub component: String,
    /// Who served before.
    pub from: Option<Which>,
    /// Who serves now, or was refused.
    pub to: Option<Which>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, in a sentence, where there is something to say.
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Another file is to serve, or to get a share.
    Swap,
    /// What is on trial has done well.
    Promote,
    /// What served before is to serve again.
    Rollback,
    /// Nobody is to be served.
    Stop,
    /// Everybody is to be served again.
    Start,
}

/// Whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, and nothing has changed.
    Refused,
}

/// A generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Which {
    /// Its number, as long as the host runs; none for one that was not made.
    pub generation: Option<u64>,
    /// SHA-256 of its file, in hexadecimal digits.
    pub digest: String,
}

/// The log of one data folder.
pub struct Audit {
    path: PathBuf,
    writing: Mutex<()>,
}

impl Audit {
    /// The log in this data folder; the file is made with the first record.
    pub fn at(data: &Path) -> Self {
        Self { path: data.join(FILE), writing: Mutex::default() }
    }

    /// Adds a record, on disk when this returns. What can't be written is in the host's log.
    pub fn write(&self, record: &Record) {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Record { who, component, reason, .. } = record;
        let (action, outcome) = (record.action, record.outcome);
        match outcome {
            Outcome::Done => tracing::info!(component, ?action, who, reason, "changed"),
            Outcome::Refused => tracing::warn!(component, ?action, who, reason, "refused; nothing has changed"),
        }
        if let Err(error) = self.append(record) {
            tracing::error!(path = %self.path.display(), %error, ?record, "the audit log can't be written");
        }
    }

    fn append(&self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        if self.is_cut_off()? {
            line.insert(0, b'\n');
        }
        if std::fs::metadata(&self.path).is_ok_and(|file| file.len() >= FILE_BYTES_MAX) {
            std::fs::rename(&self.path, self.former())?;
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        file.write_all(&line)?;
        file.sync_data()
    }

    /// Whether a crash has left the last line without its end.
    fn is_cut_off(&self) -> io::Result<bool> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() == 0 {
            return Ok(false);
        }
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        Ok(last != *b"\n")
    }

    fn former(&self) -> PathBuf {
        self.path.with_extension("log.1")
    }

    /// The newest records, of one component or of all, so many at most, newest first. A line that a crash cut off is left out.
    pub fn newest(&self, component: Option<&str>, limit: usize) -> io::Result<Vec<Record>> {
        let mut records = VecDeque::new();
        for path in [self.former(), self.path.clone()] {
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for line in BufReader::new(file).split(b'\n') {
                let record = serde_json::from_slice::<Record>(&line?).ok();
                records.extend(record.filter(|record| component.is_none_or(|name| record.component == name)));
                if records.len() > limit {
                    records.pop_front();
                }
            }
        }
        Ok(records.into_iter().rev().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(component: &str, took_ms: u64) -> Record {
        Record {
            time: "2026-11-21T10:00:00Z".to_owned(),
            who: "operator".to_owned(),
            action: Action::Swap,
            component: component.to_owned(),
            from: None,
            to: Some(Which { generation: None, digest: "ab".to_owned() }),
            outcome: Outcome::Refused,
            reason: Some("a \"quoted\"\nreason".to_owned()),
            took_ms,
        }
    }

    #[test]
    fn what_was_written_is_read_newest_first_by_component_and_over_a_cut_line() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::at(folder.path());
        assert_eq!(audit.newest(None, 10).unwrap(), []);
        audit.write(&record("a", 1));
        audit.write(&record("b", 2));
        let mut file = OpenOptions::new().append(true).open(folder.path().join(FILE)).unwrap();
        file.write_all(b"{\"time\":\"2026\xe2").unwrap();
        audit.write(&record("a", 3));
        assert_eq!(audit.newest(None, 10).unwrap(), [record("a", 3), record("b", 2), record("a", 1)]);
        assert_eq!(audit.newest(Some("a"), 1).unwrap(), [record("a", 3)]);
    }
}
