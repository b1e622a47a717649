// Probes: print a unit's output values, `probe <unit> <position> <index> <value> <user>`, when the simulation runs with +probe.
module hw_probe #(
  parameter PATH = "",
  parameter V = 8,
  parameter LEN = 64,
  parameter BITS = 16
) (
  input clk,
  input valid,
  input [V*BITS-1:0] data,
  input [31:0] pos,
  input [31:0] user
);
  reg on;
  integer at, l;
  initial begin
    on = $test$plusargs("probe");
    at = 0;
  end
  always @(posedge clk) if (on && valid) begin
    for (l = 0; l < V; l = l + 1)
      if (at + l < LEN) $display("probe %0s %0d %0d %0d %0d", PATH, pos, at + l, $signed(data[l*BITS +: BITS]), user);
    at = (at + V >= LEN) ? 0 : at + V;
  end
endmodule

// The same for a row feed: row r of band j is element j * ROWS + r.
module hw_probe_rows #(
  parameter PATH = "",
  parameter BANDS = 1,
  parameter ROWS = 64,
  parameter LEN = 64,
  parameter BITS = 12,
  parameter RW = 6
) (
  input clk,
  input valid,
  input [RW-1:0] row,
  input [BANDS*BITS-1:0] data,
  input [31:0] pos,
  input [31:0] user
);
  reg on;
  integer j;
  initial on = $test$plusargs("probe");
  always @(posedge clk) if (on && valid)
    for (j = 0; j < BANDS; j = j + 1)
      if (row < ROWS && j * ROWS + row < LEN)
        $display("probe %0s %0d %0d %0d %0d", PATH, pos, j * ROWS + row, $signed(data[j*BITS +: BITS]), user);
endmodule

// The same for a bit feed: element k once its last bit has been played.
module hw_probe_planes #(
  parameter PATH = "",
  parameter LEN = 64,
  parameter BITS = 12
) (
  input clk,
  input valid,
  input last,
  input [LEN-1:0] plane,
  input [31:0] pos,
  input [31:0] user
);
  reg on;
  reg [BITS-1:0] seen [0:LEN-1];
  integer k;
  initial on = $test$plusargs("probe");
  always @(posedge clk) if (on && valid)
    for (k = 0; k < LEN; k = k + 1) begin
      seen[k] = {seen[k][BITS-2:0], plane[k]};
      if (last) $display("probe %0s %0d %0d %0d %0d", PATH, pos, k, $signed(seen[k]), user);
    end
endmodule
