//! TensorBoard event files, as far as scalars need them.
//!
//! A file is a sequence of TFRecords: length (u64), masked CRC-32C of the length, payload, masked CRC-32C of the payload,
//! all little-endian. A payload is a protocol buffer `Event { wall_time = 1, step = 2, file_version = 3, summary = 5 }`
//! with `Summary { repeated Value { tag = 1, simple_value = 2 } value = 1 }`.

/// What the first record of a file says.
const FILE_VERSION: &[u8] = b"brain.Event:2";

/// The record that begins a file. `wall_time` is in seconds since 1970.
pub fn first_record(wall_time: f64) -> Vec<u8> {
    let mut event = wall_time_field(wall_time);
    bytes_field(&mut event, 3, FILE_VERSION);
    record(&event)
}

/// A record with the values of some scalars at one step. `wall_time` is in seconds since 1970.
///
/// # Example
/// ```
/// use isnet_run::tensorboard::{first_record, scalars};
/// let mut file = first_record(1.7e9);
/// file.extend(scalars(1.7e9, 10, &[("step/loss", 0.5)]));
/// ```
pub fn scalars(wall_time: f64, step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    const VARINT_STEP: u8 = 2 << 3;
    const FLOAT_VALUE: u8 = (2 << 3) | 5;
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut scalar = Vec::new();
        bytes_field(&mut scalar, 1, tag.as_bytes());
        scalar.push(FLOAT_VALUE);
        scalar.extend((*value as f32).to_le_bytes());
        bytes_field(&mut summary, 1, &scalar);
    }
    let mut event = wall_time_field(wall_time);
    event.push(VARINT_STEP);
    varint(&mut event, step);
    bytes_field(&mut event, 5, &summary);
    record(&event)
}

fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(payload.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(payload);
    record.extend(masked_crc(payload).to_le_bytes());
    record
}

fn wall_time_field(wall_time: f64) -> Vec<u8> {
    const DOUBLE_WALL_TIME: u8 = (1 << 3) | 1;
    let mut event = vec![DOUBLE_WALL_TIME];
    event.extend(wall_time.to_le_bytes());
    event
}

fn bytes_field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push((number << 3) | 2);
    varint(message, bytes.len() as u64);
    message.extend(bytes);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// A checksum as TFRecord stores it: rotated and shifted, so that data that holds checksums is not its own.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), reflected.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ CRC_TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize])
}

const CRC_TABLE: [u32; 256] = {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the CRC catalogue, and 32 zeros from RFC 3720 B.4.
    #[test]
    fn the_checksum_is_that_of_the_standards() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b""), 0);
    }

    /// Bytes written by `RecordWriter` and `Event` of the Python package tensorboard 2.
    #[test]
    fn records_are_byte_for_byte_those_of_tensorboard() {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(first_record(1.5)),
            "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c"
        );
        assert_eq!(
            hex(scalars(2.0, 300, &[("step/loss", 0.5), ("b", -1.0)])),
            "2a00000000000000ae8d91f509000000000000004010ac022a1c0a100a09737465702f6c6f7373150000003f\
             0a080a016215000080bff63e39ea"
        );
    }

    #[test]
    fn a_step_above_127_takes_two_bytes() {
        let mut bytes = Vec::new();
        varint(&mut bytes, 300);
        assert_eq!(bytes, [0xac, 0x02]); // the example of the protocol buffer guide
    }
}
