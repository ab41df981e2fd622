-- For the guest `stumbles`, which wants to take the place of `asks`: changes what is there, and fails after that.
UPDATE secret SET word = 'touched';
INSERT INTO nowhere (id) VALUES (1);
