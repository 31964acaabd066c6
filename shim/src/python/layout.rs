//! Where the parts of the interpreter's structures lie, version by version.
//!
//! A minor version never moves them once it is out. Those of 3.9 and 3.10 are the same. What is read
//! by them is checked all the same, frame by frame: see [`super::frames`].

/// The parts that are read.
#[derive(Debug)]
pub(super) struct Layout {
    /// Of `PyThreadState`: the thread that it was made for, as pthread_self(3) names it.
    pub(super) thread_id: usize,
    /// Of `PyThreadState`: what leads to the innermost frame.
    pub(super) thread_frame: usize,
    /// That is a `_PyCFrame`, in which this leads to the frame.
    pub(super) by_c_frame: Option<usize>,
    pub(super) frame: FrameLayout,
    /// Of `PyCodeObject`.
    pub(super) code_filename: usize,
    /// The sizes of `PyASCIIObject` and `PyCompactUnicodeObject`: the characters lie behind.
    pub(super) ascii_size: usize,
    pub(super) compact_size: usize,
    pub(super) keys: KeysLayout,
}

/// Of `PyFrameObject` or, from 3.11 on, `_PyInterpreterFrame`.
#[derive(Debug)]
pub(super) struct FrameLayout {
    pub(super) code: usize,
    pub(super) previous: usize,
    pub(super) globals: usize,
    /// The function; where it is none, the code may be the interpreter's own (from 3.13 on).
    pub(super) function: Option<usize>,
    /// The byte that says whose the frame is; from [`NO_CODE`] on it has no code of a program's.
    pub(super) owner: Option<usize>,
}

/// `FRAME_OWNED_BY_CSTACK` of 3.12 and 3.13, `FRAME_OWNED_BY_INTERPRETER` of 3.14.
pub(super) const NO_CODE: u8 = 3;

/// The bits of a reference in a frame that are not its address (`Py_TAG_BITS`, from 3.14 on).
pub(super) const TAG: usize = 3;

/// Of `PyDictKeysObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeysLayout {
    /// Up to 3.10.
    Sized,
    /// From 3.11 on.
    Logarithmic,
}

/// Of `PyThreadState`: the next one of its interpreter.
pub(super) const THREAD_NEXT: usize = 8;
/// Of `PyThreadState`: the interpreter that it belongs to.
pub(super) const THREAD_INTERPRETER: usize = 16;
/// Of every object: its type.
pub(super) const TYPE: usize = 8;
/// Of `PyDictObject`.
pub(super) const DICT_KEYS: usize = 32;
/// Of `PyDictObject`: not null where the values lie apart from the keys.
pub(super) const DICT_VALUES: usize = 40;
/// Of `PyASCIIObject`.
pub(super) const TEXT_LENGTH: usize = 16;
pub(super) const TEXT_STATE: usize = 32;

/// 3.9 and 3.10.
static OLD: Layout = Layout {
    thread_id: 176,
    thread_frame: 24,
    by_c_frame: None,
    frame: FrameLayout { code: 32, previous: 24, globals: 48, function: None, owner: None },
    code_filename: 104,
    ascii_size: 48,
    compact_size: 72,
    keys: KeysLayout::Sized,
};

static V3_11: Layout = Layout {
    thread_id: 152,
    thread_frame: 56,
    by_c_frame: Some(8),
    frame: FrameLayout { code: 32, previous: 48, globals: 8, function: None, owner: None },
    code_filename: 112,
    ascii_size: 48,
    compact_size: 72,
    keys: KeysLayout::Logarithmic,
};

static V3_12: Layout = Layout {
    thread_id: 136,
    thread_frame: 56,
    by_c_frame: Some(0),
    frame: FrameLayout { code: 0, previous: 8, globals: 24, function: None, owner: Some(70) },
    code_filename: 112,
    ascii_size: 40,
    compact_size: 56,
    keys: KeysLayout::Logarithmic,
};

static V3_13: Layout = Layout {
    thread_id: 152,
    thread_frame: 72,
    by_c_frame: None,
    frame: FrameLayout { code: 0, previous: 8, globals: 24, function: Some(16), owner: Some(70) },
    code_filename: 112,
    ascii_size: 40,
    compact_size: 56,
    keys: KeysLayout::Logarithmic,
};

static V3_14: Layout = Layout {
    thread_id: 152,
    thread_frame: 72,
    by_c_frame: None,
    frame: FrameLayout { code: 0, previous: 8, globals: 24, function: Some(16), owner: Some(74) },
    code_filename: 112,
    ascii_size: 40,
    compact_size: 56,
    keys: KeysLayout::Logarithmic,
};

impl Layout {
    /// That of CPython 3.`minor`; `None` where it is not known.
    pub(super) const fn of(minor: u8) -> Option<&'static Self> {
        match minor {
            9 | 10 => Some(&OLD),
            11 => Some(&V3_11),
            12 => Some(&V3_12),
            13 => Some(&V3_13),
            14 => Some(&V3_14),
            _ => None,
        }
    }
}
