// Add (numerics, section 8): the residual (port a, kept in memory) plus a branch (port b). First beat out 2 cycles after the
// first branch beat. With HOLD, the last adder of a station: if `next_ready` is low in the cycle before the first beat, results
// go back to memory and are played out once it is high.
`include "hw_round.vh"
`include "hw_layers.vh"
module hw_add #(
  parameter V = 8,               // lanes: elements a beat
  parameter BITS = 32,           // bits of an element of either input and of the sum
  parameter LEN = 64,            // elements of a vector
  parameter HOLD = 1             // 1: results wait for next_ready; 0: they leave at once
) (
`ifdef HW_LAYERS
  output asks,                   // results would go on in this cycle if next_ready were high
  output waiting,                // results are in memory and wait
`endif
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input a_valid,                 // a beat of the residual comes
  input [V*BITS-1:0] a_data,     // V elements of BITS bits, signed
  input b_valid,                 // a beat of the branch comes
  input [V*BITS-1:0] b_data,     // V elements of BITS bits, signed
  input next_ready,              // the next station can take a vector; read in the cycle before the first beat
  output out_valid,              // a beat of the sum is on out_data
  output out_last,               // it is the last of the vector
  output [V*BITS-1:0] out_data,     // V elements of BITS bits, signed
  output ovf                     // an element of this sum was too large for BITS bits and was clamped
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  `HW_CLAMP(clamp, BITS + 1, BITS)
  `HW_BEAT(sums, V, BITS, input [V*BITS-1:0] a; input [V*BITS-1:0] b;,
    clamp($signed(a[lane*BITS +: BITS]) + $signed(b[lane*BITS +: BITS])))
  function [BW-1:0] after;
    input [BW-1:0] at;
    after = (at == BEATS - 1) ? 0 : at + 1;
  endfunction

  reg [BW-1:0] put_q;            // beat of the residual that comes next
  reg [BW-1:0] read_q;           // beat that is read next, of the residual or of results
  reg [BW-1:0] back_q;           // beat of the results that goes back to memory next
  reg [BW-1:0] beat_q;           // beat that leaves or goes back next
  reg branch_valid_q, sum_valid_q; // beats in the stages: both read; their sum
  reg [V*BITS-1:0] branch_q;
  reg kept_q;                    // the vector's results do not leave at once
  reg keeping_q;                 // the sum is one of those
  reg full_q;                    // results are in memory and wait
  reg playing_q, played_q;       // they are read; they have been
  reg out_valid_q, out_last_q, ovf_q;
  reg [V*BITS-1:0] out_data_q;
  wire [V*BITS-1:0] word;
  wire play = full_q && next_ready;
  wire read = b_valid || play || playing_q;
  wire straight = (HOLD == 0) || ((beat_q == 0) ? next_ready : !kept_q);
  assign out_valid = out_valid_q;
  assign out_last = out_last_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;
`ifdef HW_LAYERS
  assign asks = full_q || (branch_valid_q && beat_q == 0);
  assign waiting = full_q;
`endif
  hw_sram #(.WIDTH(V*BITS), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(a_valid || (sum_valid_q && keeping_q)), .waddr(a_valid ? put_q : back_q), .wdata(a_valid ? a_data : out_data_q),
    .re(read), .raddr(read_q), .rdata(word));

  always @(posedge clk) begin
    out_valid_q <= played_q || (branch_valid_q && straight);
    out_last_q <= (played_q || (branch_valid_q && straight)) && beat_q == BEATS - 1;
    if (played_q || branch_valid_q) beat_q <= after(beat_q);
    // Sums, last stage first.
    if (sum_valid_q && keeping_q) begin
      back_q <= after(back_q);
      if (back_q == BEATS - 1) full_q <= 1;
    end
    sum_valid_q <= branch_valid_q;
    ovf_q <= 0;
    if (branch_valid_q) begin
      {ovf_q, out_data_q} <= sums(word, branch_q);
      kept_q <= !straight;
      keeping_q <= !straight;
    end
    branch_valid_q <= b_valid;
    if (b_valid) branch_q <= b_data;
    // Kept results.
    if (played_q) out_data_q <= word;
    played_q <= play || playing_q;
    if (play) begin
      full_q <= 0;
      playing_q <= BEATS > 1;
    end
    if (playing_q && read_q == BEATS - 1) playing_q <= 0;
    if (read) read_q <= after(read_q);
    if (a_valid) put_q <= after(put_q);
    if (rst) begin
      put_q <= 0; read_q <= 0; back_q <= 0; beat_q <= 0; branch_valid_q <= 0; sum_valid_q <= 0; kept_q <= 0; keeping_q <= 0;
      full_q <= 0; playing_q <= 0; played_q <= 0; out_valid_q <= 0; out_last_q <= 0; ovf_q <= 0;
    end
  end
endmodule
