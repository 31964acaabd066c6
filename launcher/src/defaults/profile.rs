//! The profiles: whose rules the engine follows.

/// Whose rules the engine follows. All but [`Ringfence`](Profile::Ringfence) reproduce a line of
/// Kestra, holes included, so that users can see what their server does today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(crate) enum Profile {
    /// Kestra up to 0.18.
    #[value(name = "kestra-0.17")]
    Kestra0_17,
    /// Kestra 0.19 to 1.3.19.
    #[value(name = "kestra-0.19")]
    Kestra0_19,
    /// Kestra 1.3 after 1.3.19.
    #[value(name = "kestra-1.3")]
    Kestra1_3,
    /// Kestra's development line.
    #[value(name = "kestra-develop")]
    KestraDevelop,
    /// The strict rules: nothing that a task or a flow says gets past a forced entry.
    #[default]
    #[value(name = "ringfence")]
    Ringfence,
}

impl Profile {
    /// Every profile.
    pub(crate) const ALL: [Self; 5] =
        [Self::Kestra0_17, Self::Kestra0_19, Self::Kestra1_3, Self::KestraDevelop, Self::Ringfence];

    /// The name in policies and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kestra0_17 => "kestra-0.17",
            Self::Kestra0_19 => "kestra-0.19",
            Self::Kestra1_3 => "kestra-1.3",
            Self::KestraDevelop => "kestra-develop",
            Self::Ringfence => "ringfence",
        }
    }

    /// The profile of this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Whether global entries stand before those of the flow in Kestra's list.
    pub(super) fn global_first(self) -> bool {
        self == Self::Kestra0_17
    }

    /// Whether, of forced entries with one type, the first in the list wins.
    pub(super) fn first_forced_wins(self) -> bool {
        matches!(self, Self::Kestra0_17 | Self::Kestra0_19)
    }

    /// Whether an element that a joined list already has is dropped.
    pub(super) fn drops_duplicates(self) -> bool {
        !matches!(self, Self::Kestra0_17 | Self::Kestra0_19)
    }

    /// Whether `ref` and `pluginDefaultsRef` mean something.
    pub(super) fn has_references(self) -> bool {
        !matches!(self, Self::Kestra0_17 | Self::Kestra0_19)
    }

    /// Whether `forced` in a flow is ignored.
    pub(super) fn ignores_forced_in_flows(self) -> bool {
        self == Self::KestraDevelop
    }

    /// Whether the `spec` of a `TemplatedTask` gets the defaults of its own type.
    pub(crate) fn reaches_templated_tasks(self) -> bool {
        !matches!(self, Self::Kestra0_17 | Self::Kestra0_19)
    }

    /// Whether this is the strict profile.
    pub(crate) fn is_strict(self) -> bool {
        self == Self::Ringfence
    }
}
