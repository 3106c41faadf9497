//! Keeps lines of access logs (common and combined) with a status of at least `min`: {"min": 500}.
//!
//! A filter in plain Rust with its standard library, and nothing besides:
//!
//!     rustc --target wasm32-unknown-unknown --crate-type cdylib -O -C panic=abort -C strip=symbols status.rs

use std::cell::RefCell;

const E_CONFIG: i32 = -1;

#[link(wasm_import_module = "wlf")]
extern "C" {
    fn log(level: i32, text: *const u8, length: usize);
}

struct Plugin {
    batch: Vec<u8>,
    verdicts: Vec<u8>,
    min: u32,
}

thread_local! {
    static PLUGIN: RefCell<Plugin> = RefCell::new(Plugin { batch: Vec::new(), verdicts: Vec::new(), min: 500 });
}

#[no_mangle]
pub extern "C" fn wlf_abi_version() -> i32 {
    1
}

/// One buffer, used again for each batch; 0 where there is no memory for it.
#[no_mangle]
pub extern "C" fn wlf_alloc(size: usize) -> *mut u8 {
    PLUGIN.with(|plugin| {
        let batch = &mut plugin.borrow_mut().batch;
        batch.clear();
        match batch.try_reserve(size) {
            Ok(()) => {
                batch.resize(size, 0);
                batch.as_mut_ptr()
            }
            Err(_) => std::ptr::null_mut(),
        }
    })
}

#[no_mangle]
pub extern "C" fn wlf_init(_config: *const u8, size: usize) -> i32 {
    PLUGIN.with(|plugin| {
        let mut plugin = plugin.borrow_mut();
        let config = String::from_utf8_lossy(&plugin.batch[..size]).into_owned();
        let min = match config.split_once("\"min\":") {
            None => Some(500),
            Some((_, rest)) => rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()),
        };
        match min {
            Some(min) => {
                plugin.min = min;
                0
            }
            None => {
                let told = "expected a number in the option min";
                unsafe { log(0, told.as_ptr(), told.len()) };
                E_CONFIG
            }
        }
    })
}

#[no_mangle]
pub extern "C" fn wlf_filter(_batch: *const u8, size: usize) -> i64 {
    PLUGIN.with(|plugin| {
        let Plugin { batch, verdicts, min } = &mut *plugin.borrow_mut();
        verdicts.clear();
        for line in batch[..size].split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                verdicts.push(status(line).map_or(false, |status| status >= *min) as u8);
            }
        }
        (verdicts.as_ptr() as i64) << 32 | verdicts.len() as i64
    })
}

/// What stands behind the request: `"GET / HTTP/1.1" 200 `, its quotes escaped as JSON has them.
fn status(line: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(line).ok()?;
    text.match_indices("\\\" ").find_map(|(at, quote)| {
        let rest = &text[at + quote.len()..];
        match (rest.get(..3), rest.get(3..4)) {
            (Some(digits), Some(" ")) => digits.parse().ok(),
            _ => None,
        }
    })
}
