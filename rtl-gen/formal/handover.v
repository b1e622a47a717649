// Proof of the last adder's hand-over (hw_add with HOLD): vectors of two beats come whenever they like, the next station is ready whenever
// it likes; each sum leaves once, in order, clamped, and none is invented or kept back.
module handover (
  input clk,
  input a_go,                    // a residual beat may come
  input b_go,                    // a branch may begin
  input next_ready,
  input [1:0] a,
  input [1:0] b
);
  reg reset = 1;
  always @(posedge clk) reset <= 0;
  // Of the vector under way: residual beats that came, branch beats that came, sums that left.
  reg [1:0] as, bs, outs;
  reg [1:0] a0, a1;
  reg [1:0] s0, s1;
  wire a_valid = a_go && as < 2;
  // A branch's beats are consecutive, and come after the residual's.
  wire b_valid = as == 2 && ((bs == 0 && b_go) || bs == 1);
  wire out_valid, out_last, ovf;
  wire [1:0] out_data;
  hw_add #(.V(1), .BITS(2), .LEN(2), .HOLD(1)) dut (
    .clk(clk), .rst(reset), .a_valid(a_valid && !reset), .a_data(a), .b_valid(b_valid && !reset), .b_data(b), .next_ready(next_ready),
    .out_valid(out_valid), .out_last(out_last), .out_data(out_data), .ovf(ovf)
  );
  wire [1:0] x = (bs == 0) ? a0 : a1;
  wire signed [2:0] sum = $signed(x) + $signed(b);
  wire [1:0] clamped = (sum > 1) ? 2'b01 : (sum < -1) ? 2'b11 : sum[1:0];
  reg [3:0] ready_for;           // cycles that the next station has been ready since the branch was whole
  wire leaves = out_valid && outs == 1;
  always @(posedge clk) begin
    if (a_valid) begin
      if (as == 0) a0 <= a; else a1 <= a;
      as <= as + 1;
    end
    if (b_valid) begin
      if (bs == 0) s0 <= clamped; else s1 <= clamped;
      bs <= bs + 1;
    end
    if (out_valid) outs <= outs + 1;
    ready_for <= (bs == 2 && next_ready) ? (ready_for == 15 ? 15 : ready_for + 1) : 0;
    if (leaves) begin
      as <= 0; bs <= 0; outs <= 0; ready_for <= 0;
    end
    if (reset) begin
      as <= 0; bs <= 0; outs <= 0; ready_for <= 0;
    end
  end
  // Registers of the adder, joined by the script.
  (* keep *) wire [1:0] dut_put_q, dut_read_q, dut_back_q, dut_beat_q, kept0, kept1;
  (* keep *) wire dut_branch_valid_q, dut_sum_valid_q, dut_played_q, dut_playing_q, dut_full_q;
  wire idle = dut_read_q == 0 && dut_back_q == 0 && dut_beat_q == 0 && !dut_branch_valid_q && !dut_sum_valid_q && !dut_played_q && !dut_playing_q;
  always @* if (!reset) begin
    assert (!out_valid || outs < bs);
    assert (!out_valid || out_data == ((outs == 0) ? s0 : s1));
    assert (out_last == leaves);
    assert (outs != 1 || out_valid);
    assert (ready_for < 8);
    // What holds while the adder waits, for as long as it does: with it the proof goes by induction.
    assert (dut_put_q == (as == 1));
    assert (as <= 2 && bs <= 2 && outs <= 1 && (bs == 0 || as == 2));
    assert (bs != 0 || (idle && outs == 0 && !dut_full_q));
    assert (bs != 0 || as < 1 || kept0 == a0);
    assert (bs != 0 || as < 2 || kept1 == a1);
    assert (!dut_full_q || (idle && outs == 0 && bs == 2 && kept0 == s0 && kept1 == s1));
  end
endmodule
