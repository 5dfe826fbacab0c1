//! Whether bytes are a whole shared library of this machine.
//!
//! The system's loader trusts the headers: a file that is shorter than they say ends the process with SIGBUS instead of
//! an error. So this is checked first. See the System V ABI, chapter 4 (object files).

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SHARED_OBJECT: u16 = 3;
const LOAD: u32 = 1;

#[cfg(target_arch = "x86_64")]
const MACHINE: (u16, &str) = (62, "x86-64");
#[cfg(target_arch = "aarch64")]
const MACHINE: (u16, &str) = (183, "AArch64");
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("name this machine's ELF number here: see <elf.h>");

/// # Errors
/// What the file is instead.
pub(super) fn check(file: &[u8]) -> Result<(), String> {
    if !file.starts_with(b"\x7fELF") {
        return Err("it does not start like one (ELF)".to_owned());
    }
    if file.len() < HEADER {
        return Err("it ends within its header".to_owned());
    }
    if file[4] != 2 || file[5] != 1 {
        return Err("it is not for a 64-bit little-endian machine".to_owned());
    }
    if number::<2>(file, 16) != Some(u64::from(SHARED_OBJECT)) {
        return Err("it is a program or an object file, not a shared library".to_owned());
    }
    if number::<2>(file, 18) != Some(u64::from(MACHINE.0)) {
        return Err(format!("it is for another machine than {}", MACHINE.1));
    }
    segments_are_whole(file).ok_or_else(|| "it is cut off".to_owned())
}

/// `None` if a segment that is to be loaded, or a table of headers, reaches beyond the end of the file.
fn segments_are_whole(file: &[u8]) -> Option<()> {
    let whole = |offset: u64, size: u64| (offset.checked_add(size)? <= file.len() as u64).then_some(());
    let (table, size, count) = (number::<8>(file, 32)?, number::<2>(file, 54)?, number::<2>(file, 56)?);
    if size != PROGRAM_HEADER as u64 || count == 0 {
        return None;
    }
    whole(table, size * count)?;
    for index in 0..count {
        let header = usize::try_from(table + index * size).ok()?;
        if number::<4>(file, header)? == u64::from(LOAD) {
            whole(number::<8>(file, header + 8)?, number::<8>(file, header + 32)?)?;
        }
    }
    Some(())
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(file: &[u8], at: usize) -> Option<u64> {
    let bytes = file.get(at..at.checked_add(N)?)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// A header, one program header and 100 bytes to load.
    fn library() -> Vec<u8> {
        let mut file = vec![0; HEADER + PROGRAM_HEADER + 100];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[16..18].copy_from_slice(&SHARED_OBJECT.to_le_bytes());
        file[18..20].copy_from_slice(&MACHINE.0.to_le_bytes());
        file[32..40].copy_from_slice(&(HEADER as u64).to_le_bytes());
        file[54..56].copy_from_slice(&56_u16.to_le_bytes());
        file[56..58].copy_from_slice(&1_u16.to_le_bytes());
        file[HEADER..HEADER + 4].copy_from_slice(&LOAD.to_le_bytes());
        file[HEADER + 8..HEADER + 16].copy_from_slice(&120_u64.to_le_bytes());
        file[HEADER + 32..HEADER + 40].copy_from_slice(&100_u64.to_le_bytes());
        file
    }

    #[test]
    fn a_whole_library_passes_and_every_part_of_it_is_refused() {
        let library = library();
        check(&library).unwrap();
        for length in 0..library.len() {
            assert!(check(&library[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_size_that_overflows_is_refused() {
        let mut library = library();
        library[HEADER + 32..HEADER + 40].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(check(&library).unwrap_err(), "it is cut off");
    }

    #[test]
    fn another_machine_is_named() {
        let mut library = library();
        library[18] ^= 0xff;
        assert!(check(&library).unwrap_err().contains(MACHINE.1));
    }
}
