//! Every limit on keys, tokens, passwords and seals: name, value, reason.
//!
//! They are constants and no settings, but for the lifetime of a token, which is an argument within its limits: whoever signs and
//! whoever checks must mean the same by them, also when these are two processes that were started with different settings.

/// Bytes of a compact token: 8 KiB. One of ours has about 600 bytes, one of a large issuer up to 4 KiB; servers in front often end at 8.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;
/// Bytes of a key's id: 128. Ours have 43 (a digest); other issuers use UUIDs or digests.
pub const KEY_ID_BYTES_MAX: usize = 128;
/// Bytes of an issuer's name, of an audience and of a client's id: 255, like the subject.
pub const NAME_BYTES_MAX: usize = 255;
/// Bytes of a subject: 255, the limit of OpenID Connect Core §2.
pub const SUBJECT_BYTES_MAX: usize = 255;
/// Bytes of a token's id and of a family's: 128. A UUID has 36.
pub const ID_BYTES_MAX: usize = 128;
/// Audiences of one token: 8. Ours have one.
pub const AUDIENCES_MAX: usize = 8;
/// Roles of one token: 32. They travel in a header of every request to a component.
pub const ROLES_MAX: usize = 32;
/// Bytes of one role: 64.
pub const ROLE_BYTES_MAX: usize = 64;
/// Scopes of one token: 32, for the same reason.
pub const SCOPES_MAX: usize = 32;
/// Bytes of one scope: 128. Some issuers use URLs.
pub const SCOPE_BYTES_MAX: usize = 128;

/// Seconds that an access token lives, unless its maker says otherwise: 600. Roles that were taken away work that much longer.
pub const LIFETIME_S_DEFAULT: u32 = 600;
/// Seconds that an access token of ours may live: 3,600. A former key stays published for that long.
pub const LIFETIME_S_MAX: u32 = 3_600;
/// Seconds that an access token of another issuer may live: 86,400, the most that the large issuers allow by default.
pub const FOREIGN_LIFETIME_S_MAX: u32 = 86_400;
/// Seconds that two clocks may differ: 10. Hosts have NTP; more would be lifetime that nobody asked for.
pub const LEEWAY_S: u64 = 10;
/// The latest second that is taken for a time, the end of the year 9999: RFC 3339 ends there, and sums of times can't overflow.
pub const TIME_S_MAX: u64 = 253_402_300_799;

/// Seconds after a rotation within which every process that signs has read its keys again: 60. Until then it may use the former key.
pub const REREAD_S: u64 = 60;
/// Seconds that a former key stays published after a rotation: 3,670. Then the last token that it signed has expired everywhere.
pub const FORMER_KEY_S: u64 = REREAD_S + LIFETIME_S_MAX as u64 + LEEWAY_S;
/// Former keys that are published at a time: 15. A rotation every four minutes; more is a script that runs wild.
pub const FORMER_KEYS_MAX: usize = 15;
/// Keys in another issuer's set: 64. Large issuers publish up to a dozen.
pub const FOREIGN_KEYS_MAX: usize = 64;
/// Bytes of a set of keys: 64 KiB, which is those 64 keys with a certificate each.
pub const KEY_SET_BYTES_MAX: usize = 64 << 10;
/// Bits of an RSA key at least: 2,048. Shorter ones can be broken.
pub const RSA_BITS_MIN: usize = 2_048;
/// Bits of an RSA key at most: 4,096. The work of a check grows with their square.
pub const RSA_BITS_MAX: usize = 4_096;

/// Milliseconds to wait for another process that changes the key file: 5,000. It holds the lock for two syncs.
pub const LOCK_WAIT_MS: u64 = 5_000;

/// Bytes of a password: 1,024. A sentence in any script; a megabyte would be work for nothing.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Bytes of a password's hash: 255. Ours have 97.
pub const PASSWORD_HASH_BYTES_MAX: usize = 255;
/// KiB that a hash may ask for: 256 MiB, which each thread that hashes keeps.
pub const PASSWORD_MEMORY_KIB_MAX: u32 = 256 * 1024;
/// Passes that a hash may ask for: 16. With the memory above that is a second or two.
pub const PASSWORD_PASSES_MAX: u32 = 16;
/// Lanes that a hash may ask for: 8. Ours have one; they are worked off one after another.
pub const PASSWORD_LANES_MAX: u32 = 8;

/// Bytes of a seal's document: 4 KiB, which a field of a request holds as well. One has about 400 bytes.
pub const SEAL_BYTES_MAX: usize = 4 << 10;
/// Bytes of a component's name in a seal: 64, as in a manifest.
pub const COMPONENT_BYTES_MAX: usize = 64;
/// Bytes of a file with a key that seals: 4 KiB. One has about 180 bytes; some programs write a few lines of text before it.
pub const SEAL_KEY_BYTES_MAX: usize = 4 << 10;
