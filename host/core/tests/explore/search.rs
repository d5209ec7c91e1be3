//! Breadth-first search over every state that a model can reach. States are kept whole, not as fingerprints, so that
//! none is taken for another. What is wrong is answered with the shortest way to it, told step by step.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

/// Something that must never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which invariant or behaviour, e.g. `I7`.
    pub(crate) what: &'static str,
    /// In words.
    pub(crate) why: &'static str,
}

/// What can happen next in one state.
pub(crate) struct Steps<S> {
    /// Each with whether it is kind: would happen by itself if from now on nothing went wrong.
    pub(crate) list: Vec<(S, bool)>,
    /// Which step does what must never be, and what.
    wrong: Option<(usize, Violation)>,
    /// Their names, where somebody wants to read them.
    names: Option<Vec<String>>,
}

impl<S> Steps<S> {
    /// With names or without: naming costs more than stepping.
    pub(crate) fn new(named: bool) -> Self {
        Self { list: Vec::new(), wrong: None, names: named.then(Vec::new) }
    }

    /// It happens by itself.
    pub(crate) fn kind(&mut self, state: S, name: fmt::Arguments<'_>) {
        self.add(state, true, name);
    }

    /// It happens only if something goes wrong.
    pub(crate) fn unkind(&mut self, state: S, name: fmt::Arguments<'_>) {
        self.add(state, false, name);
    }

    fn add(&mut self, state: S, kind: bool, name: fmt::Arguments<'_>) {
        self.list.push((state, kind));
        if let Some(names) = &mut self.names {
            names.push(name.to_string());
        }
    }

    /// The step that is added next does what must never be.
    pub(crate) fn wrong(&mut self, what: &'static str, why: &'static str) {
        self.wrong.get_or_insert((self.list.len(), Violation { what, why }));
    }
}

/// Something to be explored.
pub(crate) trait Model {
    /// One state of everything.
    type State: Clone + Eq + Hash;
    /// Where it begins.
    fn initial(&self) -> Self::State;
    /// What can happen next.
    fn steps(&self, state: &Self::State, steps: &mut Steps<Self::State>);
    /// The representative of all states that differ in names only.
    fn canonical(&self, state: &Self::State) -> Self::State;
    /// What is wrong with a state in itself.
    fn check(&self, state: &Self::State) -> Option<Violation>;
    /// Whether everything has come to a good end.
    fn is_good_end(&self, state: &Self::State) -> bool;
}

/// What a search found.
pub(crate) struct Found {
    /// States reached.
    pub(crate) states: usize,
    /// Steps between them.
    pub(crate) steps: usize,
    /// Good ends among them.
    pub(crate) ends: usize,
    /// What went wrong, and the shortest way to it.
    pub(crate) violation: Option<(Violation, Vec<String>)>,
}

/// Explores a model to its last state, or to `most` states: that it was too big for that is a violation as well.
pub(crate) fn explore<M: Model>(model: &M, most: usize) -> Found {
    let mut search = Search { model, known: Known::new(), parents: vec![0], kind: Vec::new(), steps: 0 };
    search.known.insert(model.canonical(&model.initial()));
    let mut at = 0;
    while at < search.known.states.len() {
        let state = search.known.states[at].clone();
        if let Some(violation) = model.check(&state) {
            return search.ends_with(violation, at, false);
        }
        let mut steps = Steps::new(false);
        model.steps(&state, &mut steps);
        if let Some((_, violation)) = steps.wrong {
            return search.ends_with(violation, at, true);
        }
        search.steps += steps.list.len();
        for (next, kind) in steps.list {
            let (index, new) = search.known.insert(model.canonical(&next));
            if new {
                search.parents.push(narrow(at));
            }
            if kind && index != at {
                search.kind.push((narrow(at), narrow(index)));
            }
        }
        if search.known.states.len() > most {
            let too_big = Violation { what: "too big", why: "there are more states than this test has time for" };
            return search.ends_with(too_big, at, false);
        }
        at += 1;
    }
    search.liveness()
}

struct Search<'a, M: Model> {
    model: &'a M,
    known: Known<M::State>,
    parents: Vec<u32>,
    /// Steps that happen by themselves.
    kind: Vec<(u32, u32)>,
    steps: usize,
}

impl<M: Model> Search<'_, M> {
    /// Whether from every state a good end is reached by kind steps alone.
    fn liveness(self) -> Found {
        let count = self.known.states.len();
        let mut good: Vec<bool> = self.known.states.iter().map(|state| self.model.is_good_end(state)).collect();
        let ends = good.iter().filter(|good| **good).count();
        // Backwards from the good ends: edges sorted by where they lead.
        let mut first = vec![0_u32; count + 1];
        self.kind.iter().for_each(|(_, to)| first[*to as usize + 1] += 1);
        for at in 0..count {
            first[at + 1] += first[at];
        }
        let (mut next, mut from) = (first.clone(), vec![0_u32; self.kind.len()]);
        for (source, to) in &self.kind {
            from[next[*to as usize] as usize] = *source;
            next[*to as usize] += 1;
        }
        let mut stack: Vec<usize> = (0..count).filter(|at| good[*at]).collect();
        while let Some(at) = stack.pop() {
            for source in &from[first[at] as usize..first[at + 1] as usize] {
                if !std::mem::replace(&mut good[*source as usize], true) {
                    stack.push(*source as usize);
                }
            }
        }
        match good.iter().position(|good| !good) {
            Some(stuck) => {
                let why = "from here nothing leads to a good end, even if nothing goes wrong any more";
                self.ends_with(Violation { what: "stuck", why }, stuck, false)
            }
            None => Found { states: count, steps: self.steps, ends, violation: None },
        }
    }

    /// The shortest way to the state `at`, and the step out of it that went wrong, if one did.
    fn ends_with(self, violation: Violation, at: usize, in_step: bool) -> Found {
        let mut way = vec![at];
        while way.last() != Some(&0) {
            way.push(self.parents[way[way.len() - 1]] as usize);
        }
        way.reverse();
        // Told with the names of the beginning: representatives swap them as they like.
        let (mut state, mut told) = (self.model.initial(), Vec::new());
        for at in &way[1..] {
            let mut steps = Steps::new(true);
            self.model.steps(&state, &mut steps);
            let wanted = &self.known.states[*at];
            let next = steps.list.iter().position(|(next, _)| self.model.canonical(next) == *wanted);
            let Some(next) = next else { break };
            told.push(steps.names.unwrap_or_default().swap_remove(next));
            state = steps.list.swap_remove(next).0;
        }
        if in_step {
            let mut steps = Steps::new(true);
            self.model.steps(&state, &mut steps);
            let wrong = steps.wrong.map_or(usize::MAX, |(index, _)| index);
            told.extend(steps.names.unwrap_or_default().into_iter().nth(wrong));
        }
        let states = self.known.states.len();
        Found { states, steps: self.steps, ends: 0, violation: Some((violation, told)) }
    }
}

fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// A fast hash for small states (FxHash's multiplication); a collision costs time, nothing else.
#[derive(Default)]
pub(crate) struct Fast(u64);

impl Hasher for Fast {
    fn write(&mut self, bytes: &[u8]) {
        for eight in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..eight.len()].copy_from_slice(eight);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }
    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// States in the order in which they were found, with an open-addressing table of their places.
struct Known<S> {
    states: Vec<S>,
    /// Place + 1; 0 is free.
    table: Vec<u32>,
    hasher: BuildHasherDefault<Fast>,
}

impl<S: Eq + Hash> Known<S> {
    fn new() -> Self {
        Self { states: Vec::new(), table: vec![0; 1 << 16], hasher: BuildHasherDefault::default() }
    }

    /// Where the state is, and whether it is new.
    fn insert(&mut self, state: S) -> (usize, bool) {
        if self.states.len() * 2 > self.table.len() {
            self.table = vec![0; self.table.len() * 4];
            for at in 0..self.states.len() {
                let slot = self.slot(&self.states[at], false);
                self.table[slot] = narrow(at + 1);
            }
        }
        let slot = self.slot(&state, true);
        match self.table[slot] {
            0 => {
                self.states.push(state);
                self.table[slot] = narrow(self.states.len());
                (self.states.len() - 1, true)
            }
            place => (place as usize - 1, false),
        }
    }

    fn slot(&self, state: &S, compare: bool) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = usize::try_from(self.hasher.hash_one(state)).unwrap_or(0) & mask;
        loop {
            match self.table[slot] {
                0 => return slot,
                place if compare && self.states[place as usize - 1] == *state => return slot,
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}
