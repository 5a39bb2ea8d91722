//! From bytes to tokens, with a stack of our own instead of the program's.

use super::{
    BencodeError, Limits, Reason,
    document::{Document, Kind, Token, entries},
};

use crate::listed::Listed;

/// Reads one value that is the whole input, but for white space behind it.
///
/// # Errors
/// Input that is no bencode, is ambiguous, or goes beyond `limits`.
pub fn parse(input: &[u8], limits: Limits) -> Result<Document<'_>, BencodeError> {
    let (document, consumed) = parse_prefix(input, limits)?;
    match input[consumed..].iter().position(|byte| !byte.is_ascii_whitespace()) {
        Some(at) => Err(BencodeError { offset: consumed + at, reason: Reason::TrailingData }),
        None => Ok(document),
    }
}

/// Reads one value at the beginning of the input, and tells how many bytes it takes: what follows
/// is not looked at (a `data` message of BEP 9 has its payload there).
///
/// # Errors
/// Input that doesn't begin with bencode, is ambiguous, or goes beyond `limits`.
pub fn parse_prefix(input: &[u8], limits: Limits) -> Result<(Document<'_>, usize), BencodeError> {
    if u32::try_from(input.len()).is_err() {
        return Err(BencodeError { offset: 0, reason: Reason::TooLong });
    }
    let mut reader = Reader { input, at: 0, limits, tokens: Vec::new(), open: Vec::new() };
    reader.read_value()?;
    let consumed = reader.at;
    Ok((Document::new(input, reader.tokens), consumed))
}

/// A list or dictionary whose end hasn't come yet.
struct Open {
    token: usize,
    /// What a dictionary is waiting for; `None` in a list.
    keys: Option<Keys>,
}

/// How far a dictionary is.
#[derive(Default)]
struct Keys {
    /// The token of the key whose value comes next.
    pending: Option<usize>,
    /// The token of the key before the one to come.
    last: Option<usize>,
    /// A key came that isn't greater than the one before it.
    unsorted: bool,
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    limits: Limits,
    tokens: Vec<Token>,
    open: Vec<Open>,
}

impl Reader<'_> {
    fn read_value(&mut self) -> Result<(), BencodeError> {
        loop {
            let byte = self.peek()?;
            if byte == b'e' && !self.open.is_empty() {
                self.close()?;
            } else {
                self.expect_here(byte)?;
                match byte {
                    b'i' => self.integer()?,
                    b'0'..=b'9' => self.string()?,
                    b'l' => self.open(Kind::List)?,
                    b'd' => self.open(Kind::Dict)?,
                    b'-' => return Err(self.fault(Reason::NegativeLength)),
                    other => return Err(self.fault(Reason::UnexpectedByte(other))),
                }
            }
            if self.open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Before a value: whether the innermost dictionary can take it, as a key or for one.
    fn expect_here(&mut self, byte: u8) -> Result<(), BencodeError> {
        let next = self.tokens.len();
        let Some(keys) = self.open.last_mut().and_then(|open| open.keys.as_mut()) else {
            return Ok(());
        };
        if keys.pending.take().is_some() {
            return Ok(());
        }
        keys.pending = Some(next);
        match byte {
            b'i' | b'l' | b'd' => Err(self.fault(Reason::KeyNotString)),
            _ => Ok(()),
        }
    }

    fn open(&mut self, kind: Kind) -> Result<(), BencodeError> {
        if self.open.len() >= self.limits.depth {
            return Err(self.fault(Reason::TooDeep(self.limits.depth)));
        }
        let keys = (kind == Kind::Dict).then(Keys::default);
        self.open.push(Open { token: self.tokens.len(), keys });
        self.push(kind, self.at + 1)
    }

    fn close(&mut self) -> Result<(), BencodeError> {
        let Some(Open { token, keys }) = self.open.pop() else { return Ok(()) };
        let keys = keys.unwrap_or_default();
        if keys.pending.is_some() {
            return Err(self.fault(Reason::MissingValue));
        }
        self.at += 1;
        self.tokens[token].end = self.at as u32;
        self.tokens[token].next = self.tokens.len() as u32;
        if keys.unsorted && self.has_duplicates(token) {
            let offset = self.tokens[token].start as usize;
            return Err(BencodeError { offset, reason: Reason::DuplicateKey });
        }
        Ok(())
    }

    fn has_duplicates(&self, dict: usize) -> bool {
        let mut keys: Vec<_> = entries(self.input, &self.tokens, dict).map(|(key, _)| key).listed();
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    }

    fn integer(&mut self) -> Result<(), BencodeError> {
        let digits_at = self.at + 1;
        let text = &self.input[digits_at..];
        let sign = usize::from(text.first() == Some(&b'-'));
        let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = sign + digits;
        let reason = match (&text[sign..end], text.get(end)) {
            (_, None) => Reason::Truncated,
            ([b'0', _, ..], Some(b'e')) => Reason::LeadingZero,
            ([b'0'], Some(b'e')) if sign == 1 => Reason::LeadingZero,
            ([_, ..], Some(b'e')) if integer(&text[..end]).is_none() => Reason::IntegerRange,
            ([_, ..], Some(b'e')) => return self.push(Kind::Int, digits_at + end + 1),
            _ => Reason::IntegerSyntax,
        };
        Err(self.fault(reason))
    }

    fn string(&mut self) -> Result<(), BencodeError> {
        let text = &self.input[self.at..];
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match (&text[..digits], text.get(digits)) {
            (_, None) => return Err(self.fault(Reason::Truncated)),
            ([b'0', _, ..], _) => return Err(self.fault(Reason::LengthSyntax)),
            (_, Some(b':')) => {}
            _ => return Err(self.fault(Reason::LengthSyntax)),
        }
        let begin = self.at + digits + 1;
        let length = integer(&text[..digits]).and_then(|length| usize::try_from(length).ok());
        let end = length.and_then(|length| begin.checked_add(length));
        match end.filter(|end| *end <= self.input.len()) {
            Some(end) => self.string_token(end),
            None => Err(self.fault(Reason::StringTooLong)),
        }
    }

    /// Keeps a string, and if it is a key, compares it with the one before.
    fn string_token(&mut self, end: usize) -> Result<(), BencodeError> {
        let this = self.tokens.len();
        self.push(Kind::Bytes, end)?;
        if let Some(keys) = self.open.last_mut().and_then(|open| open.keys.as_mut())
            && keys.pending == Some(this)
        {
            let content = |token: usize| self.tokens[token].content(self.input);
            keys.unsorted |= keys.last.is_some_and(|last| content(last) >= content(this));
            keys.last = Some(this);
        }
        Ok(())
    }

    /// Keeps a token that begins here, and goes on at `end`.
    fn push(&mut self, kind: Kind, end: usize) -> Result<(), BencodeError> {
        if self.tokens.len() >= self.limits.tokens.min(u32::MAX as usize) {
            return Err(self.fault(Reason::TooManyTokens(self.limits.tokens)));
        }
        let next = self.tokens.len() as u32 + 1;
        self.tokens.push(Token { kind, start: self.at as u32, end: end as u32, next });
        self.at = end;
        Ok(())
    }

    fn peek(&self) -> Result<u8, BencodeError> {
        self.input.get(self.at).copied().ok_or_else(|| self.fault(Reason::Truncated))
    }

    fn fault(&self, reason: Reason) -> BencodeError {
        BencodeError { offset: self.at, reason }
    }
}

/// Digits, with a minus or without, as an integer that fits.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
