CREATE TABLE ledger_schema (
    id BIGSERIAL NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE studies (
    study_id VARCHAR COLLATE "C" NOT NULL,
    model VARCHAR COLLATE "C" NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    started_utc VARCHAR COLLATE "C" NOT NULL,
    status VARCHAR COLLATE "C" NOT NULL,
    settings_sha256 VARCHAR COLLATE "C" NOT NULL,
    settings JSON NOT NULL,
    PRIMARY KEY (study_id)
);
CREATE INDEX studies_by_settings ON studies (settings_sha256, status);
CREATE INDEX studies_by_model ON studies (model);
CREATE TABLE artifacts (
    sha256 VARCHAR COLLATE "C" NOT NULL,
    model VARCHAR COLLATE "C" NOT NULL,
    recipe VARCHAR COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    path VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (sha256)
);
CREATE INDEX ix_artifacts_model ON artifacts (model);
CREATE TABLE environments (
    sha256 VARCHAR COLLATE "C" NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    device_model VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (sha256)
);
CREATE INDEX ix_environments_device ON environments (device);
CREATE TABLE leases (
    device VARCHAR COLLATE "C" NOT NULL,
    lease_id VARCHAR COLLATE "C" NOT NULL,
    token BIGINT NOT NULL,
    holder VARCHAR COLLATE "C" NOT NULL,
    process VARCHAR COLLATE "C",
    purpose VARCHAR COLLATE "C" NOT NULL,
    acquired_utc VARCHAR COLLATE "C" NOT NULL,
    heard_boot_id VARCHAR COLLATE "C" NOT NULL,
    heard_uptime_s FLOAT NOT NULL,
    heard_utc_s FLOAT NOT NULL,
    ttl_s FLOAT NOT NULL,
    released BIGINT NOT NULL,
    on_device VARCHAR COLLATE "C",
    PRIMARY KEY (device)
);
CREATE TABLE native_sessions (
    session_id VARCHAR COLLATE "C" NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    device_model VARCHAR COLLATE "C" NOT NULL,
    tool VARCHAR COLLATE "C" NOT NULL,
    model VARCHAR COLLATE "C" NOT NULL,
    model_sha256 VARCHAR COLLATE "C" NOT NULL,
    mode VARCHAR COLLATE "C" NOT NULL,
    started_utc VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (session_id)
);
CREATE INDEX ix_native_sessions_device ON native_sessions (device);
CREATE TABLE device_health (
    device VARCHAR COLLATE "C" NOT NULL,
    failures BIGINT NOT NULL,
    quarantined_utc VARCHAR COLLATE "C",
    reason VARCHAR COLLATE "C",
    PRIMARY KEY (device)
);
CREATE TABLE health_events (
    number SERIAL NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    at_utc VARCHAR COLLATE "C" NOT NULL,
    kind VARCHAR COLLATE "C" NOT NULL,
    detail VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX ix_health_events_device ON health_events (device);
CREATE TABLE calibrations (
    calibration_id VARCHAR COLLATE "C" NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    model VARCHAR COLLATE "C" NOT NULL,
    mode VARCHAR COLLATE "C" NOT NULL,
    at_utc VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (calibration_id)
);
CREATE INDEX ix_calibrations_device ON calibrations (device);
CREATE TABLE power_calibrations (
    number SERIAL NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    sensor VARCHAR COLLATE "C" NOT NULL,
    at_utc VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX ix_power_calibrations_device ON power_calibrations (device);
CREATE TABLE observer_on_off (
    number SERIAL NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    at_utc VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX ix_observer_on_off_device ON observer_on_off (device);
CREATE TABLE drifts (
    number SERIAL NOT NULL,
    artifact_sha256 VARCHAR COLLATE "C" NOT NULL,
    model VARCHAR COLLATE "C" NOT NULL,
    at_utc VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX ix_drifts_artifact_sha256 ON drifts (artifact_sha256);
CREATE TABLE nights (
    plan VARCHAR COLLATE "C" NOT NULL,
    at VARCHAR COLLATE "C" NOT NULL,
    started_utc VARCHAR COLLATE "C" NOT NULL,
    finished_utc VARCHAR COLLATE "C",
    record JSON NOT NULL,
    PRIMARY KEY (plan, at)
);
CREATE TABLE outbox (
    number SERIAL NOT NULL,
    key VARCHAR COLLATE "C" NOT NULL,
    place VARCHAR COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    samples BIGINT NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (key)
);
CREATE INDEX outbox_times ON outbox (at_ms);
CREATE UNIQUE INDEX outbox_places ON outbox (place, at_ms);
CREATE TABLE outbox_targets (
    url VARCHAR COLLATE "C" NOT NULL,
    delivered BIGINT NOT NULL,
    sent_samples BIGINT NOT NULL,
    succeeded_utc VARCHAR COLLATE "C",
    failing_since_utc VARCHAR COLLATE "C",
    failure VARCHAR COLLATE "C",
    PRIMARY KEY (url)
);
CREATE TABLE refusals (
    study_id VARCHAR COLLATE "C" NOT NULL,
    recipe VARCHAR COLLATE "C" NOT NULL,
    reason VARCHAR COLLATE "C" NOT NULL,
    PRIMARY KEY (study_id, recipe),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE sessions (
    session_id VARCHAR COLLATE "C" NOT NULL,
    study_id VARCHAR COLLATE "C" NOT NULL,
    artifact_sha256 VARCHAR COLLATE "C" NOT NULL,
    environment_sha256 VARCHAR COLLATE "C" NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    device_model VARCHAR COLLATE "C" NOT NULL,
    model VARCHAR COLLATE "C" NOT NULL,
    candidate_key VARCHAR COLLATE "C" NOT NULL,
    recipe VARCHAR COLLATE "C" NOT NULL,
    runtime VARCHAR COLLATE "C" NOT NULL,
    provider VARCHAR COLLATE "C" NOT NULL,
    threads BIGINT NOT NULL,
    chunk_samples BIGINT NOT NULL,
    mode VARCHAR COLLATE "C" NOT NULL,
    block BIGINT NOT NULL,
    position BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    chunk_count BIGINT NOT NULL,
    outcome VARCHAR COLLATE "C" NOT NULL,
    failure VARCHAR COLLATE "C",
    started_utc VARCHAR COLLATE "C" NOT NULL,
    duration_s FLOAT NOT NULL,
    planned JSON NOT NULL,
    result JSON NOT NULL,
    PRIMARY KEY (session_id),
    FOREIGN KEY(study_id) REFERENCES studies (study_id),
    FOREIGN KEY(artifact_sha256) REFERENCES artifacts (sha256),
    FOREIGN KEY(environment_sha256) REFERENCES environments (sha256)
);
CREATE INDEX sessions_by_study ON sessions (study_id, mode, candidate_key);
CREATE INDEX ix_sessions_artifact_sha256 ON sessions (artifact_sha256);
CREATE INDEX sessions_by_device ON sessions (device, started_utc);
CREATE INDEX sessions_by_kind ON sessions (device_model, model, started_utc);
CREATE TABLE decisions (
    study_id VARCHAR COLLATE "C" NOT NULL,
    model VARCHAR COLLATE "C" NOT NULL,
    device_model VARCHAR COLLATE "C" NOT NULL,
    verdict VARCHAR COLLATE "C" NOT NULL,
    winner VARCHAR COLLATE "C",
    record JSON NOT NULL,
    PRIMARY KEY (study_id),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE INDEX ix_decisions_model ON decisions (model);
CREATE TABLE streams_held (
    study_id VARCHAR COLLATE "C" NOT NULL,
    device VARCHAR COLLATE "C" NOT NULL,
    model VARCHAR COLLATE "C" NOT NULL,
    candidate_key VARCHAR COLLATE "C" NOT NULL,
    at_utc VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (study_id),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE INDEX ix_streams_held_device ON streams_held (device);
CREATE TABLE rounds (
    study_id VARCHAR COLLATE "C" NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (study_id),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE outbox_refused (
    url VARCHAR COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    reason VARCHAR COLLATE "C" NOT NULL,
    detail VARCHAR COLLATE "C" NOT NULL,
    samples BIGINT NOT NULL,
    PRIMARY KEY (url, number),
    FOREIGN KEY(url) REFERENCES outbox_targets (url),
    FOREIGN KEY(number) REFERENCES outbox (number)
);
CREATE TABLE search_steps (
    study_id VARCHAR COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    record JSON NOT NULL,
    PRIMARY KEY (study_id, number),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE session_arrays (
    session_id VARCHAR COLLATE "C" NOT NULL,
    name VARCHAR COLLATE "C" NOT NULL,
    dtype VARCHAR COLLATE "C" NOT NULL,
    shape JSON NOT NULL,
    codec VARCHAR COLLATE "C" NOT NULL,
    blob BYTEA NOT NULL,
    PRIMARY KEY (session_id, name),
    FOREIGN KEY(session_id) REFERENCES sessions (session_id)
);
CREATE TABLE scores (
    session_id VARCHAR COLLATE "C" NOT NULL,
    metric VARCHAR COLLATE "C" NOT NULL,
    candidate_key VARCHAR COLLATE "C" NOT NULL,
    value FLOAT NOT NULL,
    evaluation_sha256 VARCHAR COLLATE "C" NOT NULL,
    details JSON NOT NULL,
    items BYTEA NOT NULL,
    PRIMARY KEY (session_id, metric),
    FOREIGN KEY(session_id) REFERENCES sessions (session_id)
);
INSERT INTO ledger_schema (id, version) VALUES (1, 6);
INSERT INTO studies VALUES ('s1', 'kws', 'local', '2026-11-21T04:00:00Z', 'running', 'a4bbadc1c78966d28872dbe60ff40cb9c996f884e228ed4a08eb7d6c3a24f4b8', '{"seed": 1}');
