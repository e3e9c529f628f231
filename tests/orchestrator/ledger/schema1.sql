BEGIN TRANSACTION;
CREATE TABLE artifacts (
	sha256 VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	recipe VARCHAR NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	path VARCHAR NOT NULL, 
	record JSON NOT NULL, 
	PRIMARY KEY (sha256)
);
CREATE TABLE decisions (
	study_id VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	device_model VARCHAR NOT NULL, 
	verdict VARCHAR NOT NULL, 
	winner VARCHAR, 
	record JSON NOT NULL, 
	PRIMARY KEY (study_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE environments (
	sha256 VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	device_model VARCHAR NOT NULL, 
	record JSON NOT NULL, 
	PRIMARY KEY (sha256)
);
CREATE TABLE ledger_schema (
	id BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "ledger_schema" VALUES(1,1);
CREATE TABLE refusals (
	study_id VARCHAR NOT NULL, 
	recipe VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	PRIMARY KEY (study_id, recipe), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE scores (
	session_id VARCHAR NOT NULL, 
	metric VARCHAR NOT NULL, 
	candidate_key VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	evaluation_sha256 VARCHAR NOT NULL, 
	details JSON NOT NULL, 
	items BLOB NOT NULL, 
	PRIMARY KEY (session_id, metric), 
	FOREIGN KEY(session_id) REFERENCES sessions (session_id)
);
CREATE TABLE session_arrays (
	session_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	dtype VARCHAR NOT NULL, 
	shape JSON NOT NULL, 
	codec VARCHAR NOT NULL, 
	blob BLOB NOT NULL, 
	PRIMARY KEY (session_id, name), 
	FOREIGN KEY(session_id) REFERENCES sessions (session_id)
);
CREATE TABLE sessions (
	session_id VARCHAR NOT NULL, 
	study_id VARCHAR NOT NULL, 
	artifact_sha256 VARCHAR NOT NULL, 
	environment_sha256 VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	device_model VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	candidate_key VARCHAR NOT NULL, 
	recipe VARCHAR NOT NULL, 
	runtime VARCHAR NOT NULL, 
	provider VARCHAR NOT NULL, 
	threads BIGINT NOT NULL, 
	chunk_samples BIGINT NOT NULL, 
	mode VARCHAR NOT NULL, 
	block BIGINT NOT NULL, 
	position BIGINT NOT NULL, 
	attempt BIGINT NOT NULL, 
	chunk_count BIGINT NOT NULL, 
	outcome VARCHAR NOT NULL, 
	failure VARCHAR, 
	started_utc VARCHAR NOT NULL, 
	duration_s FLOAT NOT NULL, 
	planned JSON NOT NULL, 
	result JSON NOT NULL, 
	PRIMARY KEY (session_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id), 
	FOREIGN KEY(artifact_sha256) REFERENCES artifacts (sha256), 
	FOREIGN KEY(environment_sha256) REFERENCES environments (sha256)
);
CREATE TABLE studies (
	study_id VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	started_utc VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	settings_sha256 VARCHAR NOT NULL, 
	settings JSON NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES('s1','kws','local','2026-11-21T04:00:00Z','finished','1bef0c9ae809ce05b8dd37c5f1fa951badb9bccc5ee69fb5bd06dcc963f1717a','{"seed":1,"quick":true,"max_p99_ms":null}');
CREATE INDEX studies_by_settings ON studies (settings_sha256, status);
CREATE INDEX studies_by_model ON studies (model);
CREATE INDEX ix_artifacts_model ON artifacts (model);
CREATE INDEX ix_environments_device ON environments (device);
CREATE INDEX sessions_by_study ON sessions (study_id, mode, candidate_key);
CREATE INDEX sessions_by_device ON sessions (device, started_utc);
CREATE INDEX ix_sessions_artifact_sha256 ON sessions (artifact_sha256);
CREATE INDEX sessions_by_kind ON sessions (device_model, model, started_utc);
CREATE INDEX ix_decisions_model ON decisions (model);
COMMIT;
