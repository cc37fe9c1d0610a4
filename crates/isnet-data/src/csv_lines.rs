//! The line of a row of a CSV file.

/// Counts lines as an editor does. The CSV reader's own count is off by one after CRLF and after blank lines.
pub struct CsvLines<'a> {
    bytes: &'a [u8],
    byte: usize,
    line: usize,
}

impl<'a> CsvLines<'a> {
    /// Before the first row of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, byte: 0, line: 1 }
    }

    /// The line of the first row that starts at or after `byte`; for a byte before that of the last call, the line of that one.
    pub fn line_at(&mut self, byte: usize) -> usize {
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = byte.min(self.bytes.len()) + blank;
        self.line += line_ends(self.bytes.get(self.byte..start).unwrap_or_default());
        self.byte = start.max(self.byte);
        self.line
    }
}

/// Number of line ends: LF, CRLF, or the CR alone of old Macintosh files. A CR as the last byte counts.
pub(crate) fn line_ends(bytes: &[u8]) -> usize {
    let feeds = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let lone_returns = (0..bytes.len()).filter(|&at| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n')).count();
    feeds + lone_returns
}
