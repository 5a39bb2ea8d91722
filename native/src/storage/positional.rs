//! Reading and writing by position: no file has a cursor that threads could fight for.

use std::{
    fs::File,
    io::{self, ErrorKind, IoSlice},
    os::unix::fs::FileExt,
};

use bytes::Bytes;

/// Buffers that are written with one system call; no system takes fewer than 1024.
const MAX_SLICES: usize = 512;

/// Fills `into` from `offset`.
///
/// # Errors
/// `UnexpectedEof` where the file ends before.
pub(super) fn read(file: &File, offset: u64, into: &mut [u8]) -> io::Result<()> {
    file.read_exact_at(into, offset)
}

/// Writes all of `buffers`, one after the other, from `offset`.
///
/// # Errors
/// Those of the operating system. A part may have been written then.
pub(super) fn write(file: &File, offset: u64, buffers: &[Bytes]) -> io::Result<()> {
    write_with(|slices, at| Ok(rustix::io::pwritev(file, slices, at)?), offset, buffers)
}

/// [`write`] over any call that may write less than it is given.
fn write_with(
    mut call: impl FnMut(&[IoSlice<'_>], u64) -> io::Result<usize>,
    mut offset: u64,
    buffers: &[Bytes],
) -> io::Result<()> {
    for group in buffers.chunks(MAX_SLICES) {
        let mut slices: Vec<_> = group.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut rest = &mut slices[..];
        // Leaves out what is empty: to write nothing is no failure.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match call(rest, offset) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_interrupted_writes_are_completed() {
        let buffers = [&b"abc"[..], b"", b"defgh", b"i"].map(Bytes::from_static);
        let mut written = Vec::new();
        let mut calls = 0;
        let call = |slices: &[IoSlice<'_>], offset: u64| {
            calls += 1;
            assert_eq!(offset, 7 + written.len() as u64);
            if calls % 3 == 0 {
                return Err(ErrorKind::Interrupted.into());
            }
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).take(2).collect();
            written.extend_from_slice(&bytes);
            Ok(bytes.len())
        };
        write_with(call, 7, &buffers).unwrap();
        assert_eq!(written, b"abcdefghi");
    }

    #[test]
    fn more_buffers_than_one_call_takes_are_all_written() {
        let file = tempfile::tempfile().unwrap();
        let buffers: Vec<_> = (0..2000u32).map(|n| Bytes::from(n.to_be_bytes().to_vec())).collect();
        write(&file, 3, &buffers).unwrap();
        let mut read_back = vec![0; 8000];
        read(&file, 3, &mut read_back).unwrap();
        assert_eq!(read_back, buffers.concat());
    }

    #[test]
    fn a_disk_that_takes_nothing_is_an_error_and_no_endless_loop() {
        let buffers = [Bytes::from_static(b"a")];
        let error = write_with(|_, _| Ok(0), 0, &buffers).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);
    }

    #[test]
    fn a_full_device_says_so() {
        let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
        let error = write(&full, 0, &[Bytes::from_static(b"a")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}
