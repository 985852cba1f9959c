-- SPDX-License-Identifier: Apache-2.0
--
-- The views of the sqlite output, made when all rows are there. Each counts a stack once, however often a frame is in it.

CREATE INDEX stack_frames_by_frame ON stack_frames (frame_id);

CREATE VIEW top AS -- frames with their own share (self), and that of the stacks that they are anywhere in (total)
  SELECT frame_id, name, file, line, owner,
         sum(CASE leaf_id WHEN frame_id THEN samples ELSE 0 END) AS self_samples, sum(samples) AS total_samples,
         sum(CASE leaf_id WHEN frame_id THEN weight_ns ELSE 0 END) AS self_ns, sum(weight_ns) AS total_ns
  FROM (SELECT DISTINCT frame_id, stack_id FROM stack_frames)
  JOIN stacks ON stacks.id = stack_id
  JOIN frames ON frames.id = frame_id
  GROUP BY frame_id
  ORDER BY self_ns DESC, self_samples DESC, total_samples DESC, name;

CREATE VIEW callers AS -- who calls whom: WHERE callee = 'f' shows the callers of f
  SELECT caller_id, caller.name AS caller, caller.file AS caller_file,
         callee_id, callee.name AS callee, callee.file AS callee_file,
         sum(samples) AS samples, sum(weight_ns) AS weight_ns
  FROM (SELECT DISTINCT inner_frame.stack_id, outer_frame.frame_id AS caller_id, inner_frame.frame_id AS callee_id
        FROM stack_frames AS inner_frame
        JOIN stack_frames AS outer_frame ON outer_frame.stack_id = inner_frame.stack_id AND outer_frame.position = inner_frame.position - 1)
  JOIN stacks ON stacks.id = stack_id
  JOIN frames AS caller ON caller.id = caller_id
  JOIN frames AS callee ON callee.id = callee_id
  GROUP BY caller_id, callee_id
  ORDER BY weight_ns DESC, samples DESC, caller.name, callee.name;
