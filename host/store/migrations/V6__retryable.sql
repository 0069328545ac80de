-- A grant may say that what it allowed is performed again where nobody saw how it ended.
ALTER TABLE grants ADD COLUMN retryable INTEGER NOT NULL DEFAULT 0 CHECK (retryable IN (0, 1));
