// An address database in MaxMind's format (its specification 2.0) in which all of the loopback network is in one place.

import { renameSync, writeFileSync } from 'node:fs';

/** Types as the specification numbers them. */
const TYPES = { double: 3, u16: 5, u32: 6, map: 7, u64: 9, list: 11 };
/** Whole numbers whose width is not 16 bits. */
const WIDTHS = { build_epoch: ['u64', 8], node_count: ['u32', 4] };

/** Type and size. Types above 7 stand in a second byte. */
function head(type, size) {
  const [short, longer] = size < 29 ? [size, []] : [29, [size - 29]];
  return Buffer.from(type > 7 ? [short, type - 7, ...longer] : [(type << 5) | short, ...longer]);
}

function put(value, name = '') {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([head(2, text.length), text]);
  }
  if (Array.isArray(value)) return Buffer.concat([head(TYPES.list, value.length), ...value.map((each) => put(each))]);
  if (typeof value === 'object') {
    const pairs = Object.entries(value).flatMap(([key, member]) => [put(key), put(member, key)]);
    return Buffer.concat([head(TYPES.map, pairs.length / 2), ...pairs]);
  }
  if (['latitude', 'longitude'].includes(name)) {
    const double = Buffer.alloc(8);
    double.writeDoubleBE(value);
    return Buffer.concat([head(TYPES.double, 8), double]);
  }
  const [type, bytes] = WIDTHS[name] ?? ['u16', 2];
  const wide = Buffer.alloc(8);
  wide.writeBigUInt64BE(BigInt(value));
  return Buffer.concat([head(TYPES[type], bytes), wide.subarray(8 - bytes)]);
}

/** Puts it in the place of `file`, as people do: whole. `built` tells it from the one before. */
export function draw(file, record, built) {
  // 127.0.0.0/8: eight nodes, of which each leads to the next one, and the last to the record.
  const bits = [0, 1, 1, 1, 1, 1, 1, 1];
  const tree = Buffer.concat(bits.map((bit, depth) => {
    const node = Buffer.alloc(8);
    const next = depth + 1 < bits.length ? depth + 1 : bits.length + 16;
    node.writeUInt32BE(bit ? bits.length : next, 0);
    node.writeUInt32BE(bit ? next : bits.length, 4);
    return node;
  }));
  const metadata = {
    binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: built, database_type: 'Test-City',
    description: { en: 'Made by a test' }, ip_version: 4, languages: ['en', 'ru'], node_count: bits.length, record_size: 32,
  };
  const mark = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  writeFileSync(`${file}.new`, Buffer.concat([tree, Buffer.alloc(16), put(record), mark, put(metadata)]));
  renameSync(`${file}.new`, file);
}

/** A city as such files have it: names by language. */
export const city = (names, code, country, [latitude, longitude]) => ({
  city: { names },
  country: { iso_code: code, names: country },
  location: { latitude, longitude, accuracy_radius: 20 },
});
