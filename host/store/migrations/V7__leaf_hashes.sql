-- From here on entries name the one before them by its leaf hash (schema tollgate.entry/2), and `ledger_pruned.hash`
-- is the hash by which the next entry names, or will name, the last one whose body is gone. No table changes; the
-- number keeps earlier versions from going on with a chain that they would link otherwise.
SELECT 1;
