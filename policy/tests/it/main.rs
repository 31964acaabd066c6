//! What a policy means, from the outside: each claim is held by the image and by the reference.

/// Policies made of one line, and random ones.
mod support;

/// Random policies: the image and the reference agree.
mod agreement;
/// Exceptions for certain callers.
mod audiences;
/// Rules about callers.
mod callers;
/// The variables that children do not get.
mod hidden;
/// Damaged and foreign images, and what an image tells beside verdicts.
mod images;
/// Verdicts, case by case.
mod matching;
/// Relative paths that pass by their names.
mod shortcut;
