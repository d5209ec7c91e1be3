//! Compiled artifacts: used when sound, made anew when not, and nobody else's.

use crate::support::{Fixture, judge, plugin};
use portcullis_runtime::{Runtime, RuntimeConfig, RuntimeError};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

fn artifact(fixture: &Fixture) -> PathBuf {
    let mut files: Vec<_> =
        fs::read_dir(fixture.cache.path().join("compiled")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[tokio::test]
async fn a_compiled_gate_is_loaded_after_a_restart_without_its_bytes() {
    // GAT-1
    let fixture = Fixture::cold();
    assert!(fixture.runtime.load_cached(&plugin(judge())).await.is_none());
    fixture.load(judge()).await;
    let file = artifact(&fixture);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    assert!(file.file_name().unwrap().to_string_lossy().starts_with(plugin(judge()).digest.hex()));

    let fixture = fixture.restarted();
    let gate = fixture.runtime.load_cached(&plugin(judge())).await.unwrap();
    fixture.is_well(&gate).await;
}

#[tokio::test]
async fn a_damaged_artifact_is_compiled_anew() {
    // GAT-1
    let fixture = Fixture::cold();
    fixture.load(judge()).await;
    let file = artifact(&fixture);
    let whole = fs::read(&file).unwrap();
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[middle] ^= 1;
    let mut fixture = fixture;
    for damaged in [flipped, whole[..middle].to_vec(), Vec::new(), b"something else".to_vec()] {
        fs::write(&file, &damaged).unwrap();
        fixture = fixture.restarted();
        assert!(fixture.runtime.load_cached(&plugin(judge())).await.is_none());
        let gate = fixture.load(judge()).await;
        fixture.is_well(&gate).await;
        assert_eq!(fs::read(artifact(&fixture)).unwrap(), whole);
    }
}

#[tokio::test]
async fn a_forgotten_gate_is_loaded_again_from_its_artifact() {
    // GAT-1
    let fixture = Fixture::cold();
    let gate = fixture.load(judge()).await;
    fixture.runtime.forget(&plugin(judge()));
    let again = fixture.runtime.load_cached(&plugin(judge())).await.unwrap();
    assert!(!std::sync::Arc::ptr_eq(&gate, &again));
    fixture.is_well(&gate).await;
    fixture.is_well(&again).await;
}

#[test]
fn artifacts_from_a_folder_that_others_could_write_to_are_thrown_away() {
    // GAT-1
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(folder.path().join("planted.cwasm"), b"x").unwrap();
    Runtime::new(RuntimeConfig::new(folder.path())).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_file_or_a_link_in_place_of_the_folder_is_refused_with_its_path() {
    // GAT-1
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    let error = Runtime::new(RuntimeConfig::new(&link)).err().unwrap();
    assert!(matches!(error, RuntimeError::CacheDir { .. }) && error.to_string().contains("link"), "{error}");
}

#[test]
fn a_setting_out_of_range_is_named() {
    // GAT-1
    let mut config = RuntimeConfig::new("/nonexistent");
    config.slots = 0;
    let error = Runtime::new(config).err().unwrap();
    assert!(error.to_string().contains("`slots`"), "{error}");
}
