-- Whether an event was published to some endpoints alone, such as a sample: nobody else is told of it.
ALTER TABLE events ADD COLUMN narrowed {bigint} NOT NULL DEFAULT 0;
