// Add (numerics, section 8): the residual (port a, kept in memory) plus a branch (port b). First beat out 2 cycles after the
// first branch beat. With HOLD, the last adder of a station: if `next_ready` is low in the cycle before the first beat, results
// go back to memory and are played out once it is high.
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
  output reg out_valid,          // a beat of the sum is on out_data
  output reg out_last,           // it is the last of the vector
  output reg [V*BITS-1:0] out_data, // V elements of BITS bits, signed
  output reg ovf                 // an element of this sum was too large for BITS bits and was clamped
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  reg [BW-1:0] put, rd, back, beat;
  reg v1, v2, kept, keeping, full, playing, play1;
  reg [V*BITS-1:0] b1, sum;
  wire [V*BITS-1:0] a;
  wire play = full && next_ready;
`ifdef HW_LAYERS
  assign asks = full || (v1 && beat == 0);
  assign waiting = full;
`endif
  reg signed [BITS:0] s, most;
  reg clamped;
  integer l;
  wire straight = (HOLD == 0) || ((beat == 0) ? next_ready : !kept);

  hw_sram #(.WIDTH(V*BITS), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(a_valid || (v2 && keeping)), .waddr(a_valid ? put : back), .wdata(a_valid ? a_data : out_data),
    .re(b_valid || play || playing), .raddr(rd), .rdata(a));

  always @(posedge clk) begin
    if (a_valid) put <= (put == BEATS - 1) ? 0 : put + 1;
    if (b_valid || play || playing) rd <= (rd == BEATS - 1) ? 0 : rd + 1;
    if (b_valid) b1 <= b_data;
    v1 <= b_valid;
    v2 <= v1;
    ovf <= 0;
    out_valid <= 0;
    out_last <= 0;
    if (v1) begin
      clamped = 0;
      most = 0;
      most[BITS-2:0] = {(BITS-1){1'b1}};
      for (l = 0; l < V; l = l + 1) begin
        s = $signed(a[l*BITS +: BITS]) + $signed(b1[l*BITS +: BITS]);
        clamped = clamped | (s > most) | (s < -most);
        s = (s > most) ? most : (s < -most) ? -most : s;
        sum[l*BITS +: BITS] = s[BITS-1:0];
      end
      out_data <= sum;
      ovf <= clamped;
      out_valid <= straight;
      out_last <= straight && beat == BEATS - 1;
      kept <= !straight;
      keeping <= !straight;
      beat <= (beat == BEATS - 1) ? 0 : beat + 1;
    end
    // Kept results.
    if (v2 && keeping) begin
      back <= (back == BEATS - 1) ? 0 : back + 1;
      if (back == BEATS - 1) full <= 1;
    end
    if (play) begin
      full <= 0;
      playing <= BEATS > 1;
    end
    if (playing && rd == BEATS - 1) playing <= 0;
    play1 <= play || playing;
    if (play1) begin
      out_data <= a;
      out_valid <= 1;
      out_last <= beat == BEATS - 1;
      beat <= (beat == BEATS - 1) ? 0 : beat + 1;
    end
    if (rst) begin
      put <= 0; rd <= 0; back <= 0; beat <= 0; v1 <= 0; v2 <= 0; kept <= 0; keeping <= 0; full <= 0; playing <= 0; play1 <= 0;
      out_valid <= 0; out_last <= 0; ovf <= 0;
    end
  end
endmodule
